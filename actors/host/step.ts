import type {
  ActorSystem,
  AnyActorRef,
  PromiseActorLogic,
  PromiseSnapshot,
  StateValue,
} from "xstate";
import { toHaystackError, type ErrorCode, type HaystackError } from "../../errors.ts";
import type { StepFailure } from "../../machines/run-types.ts";

/** A service makes a step wait, which goes on by itself. */
export interface StepWait {
  readonly code: ErrorCode;
  /** A sentence. */
  readonly reason: string;
  /** The time of day, in milliseconds. */
  readonly until: number;
}

/** What the run's host gives to a step. */
export interface HostContext {
  /**
   * Aborted when the machine leaves the state that invoked the step, or the run is stopped here.
   */
  readonly signal: AbortSignal;
  /** What the effect waits for, shown with the run; null when that is over. */
  readonly waits?: (wait: StepWait | null) => void;
  /** Resolves when every other effect of this run has settled, aborted ones included. */
  quiesce(): Promise<void>;
}

export interface StepContext extends HostContext {
  /**
   * The step was under way when its run was claimed: an earlier host may have begun it, and its
   * requests may still arrive.
   */
  readonly resumed: boolean;
}

export type Effect<Input, Output> = (input: Input, context: StepContext) => Promise<Output>;

export type StepOutcome<Output> = { readonly output: Output } | { readonly thrown: unknown };

/** The part of a run's host that its machines and steps meet. */
export interface StepHost {
  /**
   * Runs the effect once the state that invoked it is durable (D2) and the lease holds (D9), then
   * reports its outcome; an error when the run is stopped before. Until `report` has returned the
   * step counts as under way. With the name of a `patient` step the effect begins again while
   * passing faults stop it.
   */
  run<Output>(
    signal: AbortSignal,
    work: (context: HostContext) => Promise<Output>,
    report: (outcome: StepOutcome<Output>) => void,
    patient?: string,
  ): Promise<void>;
  /**
   * Told of every event that the machine or a child machine took. Null: it did not exist before.
   */
  readonly moved?: (
    actor: AnyActorRef,
    event: string,
    from: StateValue | null,
    to: StateValue,
  ) => void;
  /** Told when the effect begins; what it returns is told when the effect ends. */
  readonly started?: (name: string, input: unknown) => (error: HaystackError | null) => void;
}

// oxlint-disable-next-line typescript/no-explicit-any -- XState's own bound for an actor system
type AnySystem = ActorSystem<any>;

/**
 * One machine serves every run; it and its steps find their run's host by the actor system they
 * belong to.
 */
const hosts = new WeakMap<AnySystem, StepHost>();

export function registerHost(system: AnySystem, host: StepHost): void {
  hosts.set(system, host);
}

export const hostOf = (system: AnySystem): StepHost | undefined => hosts.get(system);

/** Snapshots of steps that were under way when their run was claimed. */
const resumedSnapshots = new WeakSet<object>();

/** Of the steps under way. */
const controllers = new Map<AnyActorRef, AbortController>();

function failureOf(thrown: unknown): StepFailure {
  const error = toHaystackError(thrown);
  const { model_usage, job_may_run } = (error.details ?? {}) as Pick<
    StepFailure,
    "model_usage" | "job_may_run"
  >;
  return {
    ...error.toRecord(),
    ...(model_usage === undefined ? {} : { model_usage }),
    ...(job_may_run === undefined ? {} : { job_may_run }),
  };
}

/**
 * Binds an effect to a step of the machine: it starts after the commit (D2), and fails with a plain
 * JSON error record. Its snapshots are those of XState's fromPromise, which takes two promises and
 * an entry in a WeakMap more for each step. A `patient` one begins again where a passing fault
 * stopped it; the others say themselves when they are tried again.
 */
export function step<Input, Output>(
  name: string,
  effect: Effect<Input, Output>,
  patient?: "patient",
): PromiseActorLogic<Output, Input> {
  return {
    transition(state, event, { self }) {
      if (state.status !== "active") return state;
      if (event.type === "step.done")
        return { ...state, status: "done", output: event["output"] as Output, input: undefined };
      if (event.type === "step.failed")
        return { ...state, status: "error", error: event["error"], input: undefined };
      if (event.type !== "xstate.stop") return state;
      controllers.get(self)?.abort();
      controllers.delete(self);
      return { ...state, status: "stopped", input: undefined };
    },
    start(state, { self, system }) {
      if (state.status !== "active") return;
      const host = hosts.get(system);
      if (host === undefined) throw new Error(`The step "${name}" runs outside a hosted run.`);
      const input = state.input as Input;
      const controller = new AbortController();
      controllers.set(self, controller);
      const resumed = resumedSnapshots.has(state);
      const work = (context: HostContext): Promise<Output> => {
        const begin = (): Promise<Output> => effect(input, { ...context, resumed });
        const ended = host.started?.(name, input);
        return ended === undefined ? begin() : watched(ended, begin);
      };
      void host.run(
        controller.signal,
        work,
        (outcome) => {
          controllers.delete(self);
          if (self.getSnapshot().status !== "active") return;
          self.send(
            "output" in outcome
              ? { type: "step.done", output: outcome.output }
              : { type: "step.failed", error: failureOf(outcome.thrown) },
          );
        },
        patient && name,
      );
    },
    getInitialSnapshot: (_, input) => ({
      status: "active",
      output: undefined,
      error: undefined,
      input,
    }),
    getPersistedSnapshot: (snapshot) => snapshot,
    restoreSnapshot(snapshot) {
      resumedSnapshots.add(snapshot);
      return snapshot as PromiseSnapshot<Output, Input>;
    },
  };
}

async function watched<Output>(
  ended: (error: HaystackError | null) => void,
  work: () => Promise<Output>,
): Promise<Output> {
  try {
    const output = await work();
    ended(null);
    return output;
  } catch (thrown) {
    ended(toHaystackError(thrown));
    throw thrown;
  }
}
