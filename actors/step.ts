import { fromPromise, type ActorSystem, type AnyActorRef, type StateValue } from "xstate";
import { toHaystackError, type HaystackError } from "../errors.ts";
import type { StepFailure } from "../machines/run-types.ts";

/** What a step may use of the run that it works for. */
export interface StepContext {
  /** Aborted when the machine leaves the state that invoked the step, or the daemon gives the run up. */
  readonly signal: AbortSignal;
  /** Resolves when every other effect of this run has settled, aborted ones included. */
  quiesce(): Promise<void>;
}

export type Effect<Input, Output> = (input: Input, context: StepContext) => Promise<Output>;

/** The part of a run's host that its machines and steps meet. */
export interface StepHost {
  /** Runs the effect once the state that invoked it is durable (D2) and the lease holds (D9); rejects when the run is given up before. */
  run<Output>(signal: AbortSignal, work: (context: StepContext) => Promise<Output>): Promise<Output>;
  /** Told of every event that the machine or a child machine took. Null: it did not exist before. */
  readonly moved?: (actor: AnyActorRef, event: string, from: StateValue | null, to: StateValue) => void;
  /** Told when the effect begins and, by what it gives back, when it ends. */
  readonly started?: (name: string, input: unknown) => (error: HaystackError | null) => void;
}

// oxlint-disable-next-line typescript/no-explicit-any -- XState's own bound for an actor system
type AnySystem = ActorSystem<any>;

/** One machine serves every run; it and its steps find their run's host by the actor system they belong to. */
const hosts = new WeakMap<AnySystem, StepHost>();

export function registerHost(system: AnySystem, host: StepHost): void {
  hosts.set(system, host);
}

export const hostOf = (system: AnySystem): StepHost | undefined => hosts.get(system);

/** Binds an effect to a step of the machine: it starts after the commit (D2), and fails with a plain JSON error record. */
export function step<Input, Output>(name: string, effect: Effect<Input, Output>): ReturnType<typeof fromPromise<Output, Input>> {
  return fromPromise<Output, Input>(async ({ input, signal, system }) => {
    const host = hosts.get(system);
    if (host === undefined) throw new Error(`The step "${name}" runs outside a hosted run.`);
    try {
      return await host.run(signal, (context) => {
        const ended = host.started?.(name, input);
        return ended === undefined ? effect(input, context) : watched(ended, () => effect(input, context));
      });
    } catch (thrown) {
      const error = toHaystackError(thrown);
      const used = error.details?.["model_usage"] as StepFailure["model_usage"];
      const failure: StepFailure = { ...error.toRecord(), ...(used === undefined ? {} : { model_usage: used }) };
      throw failure;
    }
  });
}

async function watched<Output>(ended: (error: HaystackError | null) => void, work: () => Promise<Output>): Promise<Output> {
  try {
    const output = await work();
    ended(null);
    return output;
  } catch (thrown) {
    ended(toHaystackError(thrown));
    throw thrown;
  }
}
