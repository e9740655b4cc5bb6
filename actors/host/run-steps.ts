import { HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import { createGate, type Gate } from "./gate.ts";
import type { Postponing } from "./postponing.ts";
import type { HostContext, StepHost, StepOutcome } from "./step.ts";

/**
 * When the steps of one run may start, and which are under way.
 *
 * Owns: the gate before every step (D2), and until when the lease holds.
 * Does not own: renewing the lease (the lease keeper's), what is committed (the run host's).
 * 1. A step passes its gate only when a commit taken after the step was invoked has been
 *    acknowledged.
 * 2. A step starts only while the lease holds; after that it waits for the renewal, or for the end
 *    (D9).
 * 3. After `close` no step starts any more, and none begins again.
 */
export interface RunSteps extends Pick<Gate, "take" | "open" | "putBack"> {
  readonly run: StepHost["run"];
  /** Steps that wait or work. */
  count(): number;
  leaseHolds(): boolean;
  /** The time of day, in milliseconds. */
  leaseUntil(): number;
  /** The lease was renewed until then, by the clock's `elapsed`. */
  renewed(until: number): void;
  close(error: HaystackError): void;
  /** Resolves when the steps that had started have ended. */
  ended(): Promise<void>;
}

export interface RunStepsOptions {
  readonly clock: Clock;
  /** The time of day. */
  readonly leaseUntil: number;
  /**
   * Asks for the commit that a step waits for; false when what invokes it is durable already, as in
   * a restored snapshot.
   */
  readonly needsCommit: () => boolean;
  readonly postponing: Pick<Postponing, "attempts" | "waits" | "close">;
}

export function createRunSteps({
  clock,
  needsCommit,
  postponing,
  ...options
}: RunStepsOptions): RunSteps {
  const gate = createGate();
  const working = new Set<Promise<unknown>>();
  const renewalWaiters: (() => void)[] = [];
  let leaseUntil = options.leaseUntil - clock.now() + clock.elapsed();
  let closed = false;
  let count = 0;

  const leaseHolds = (): boolean => clock.elapsed() < leaseUntil;

  const endWaitForRenewal = (): void => {
    for (const wake of renewalWaiters.splice(0)) wake();
  };

  const started = async <Output>(
    signal: AbortSignal,
    work: (context: HostContext) => Promise<Output>,
    patient: string | undefined,
  ): Promise<Output> => {
    if (needsCommit()) await gate.pass();
    let step: Promise<Output> | undefined;
    const waits = postponing.waits(patient ?? "");
    const attempt = async (): Promise<Output> => {
      while (!closed && !leaseHolds())
        await new Promise<void>((resolve) => renewalWaiters.push(resolve));
      if (closed)
        throw new HaystackError(
          "STEP_ABORTED",
          "This daemon stopped hosting the run before the step started.",
        );
      signal.throwIfAborted();
      const others = [...working].filter((other) => other !== step);
      return work({ signal, waits, quiesce: async () => void (await Promise.allSettled(others)) });
    };
    step = patient === undefined ? attempt() : postponing.attempts(patient, signal, attempt);
    working.add(step);
    try {
      return await step;
    } finally {
      working.delete(step);
    }
  };

  return {
    take: gate.take,
    open: gate.open,
    putBack: gate.putBack,
    count: () => count,
    leaseHolds,
    leaseUntil: () => leaseUntil - clock.elapsed() + clock.now(),
    renewed(until) {
      leaseUntil = until;
      endWaitForRenewal();
    },
    close(error) {
      closed = true;
      gate.close(error);
      postponing.close();
      endWaitForRenewal();
    },
    async ended() {
      await Promise.allSettled(working);
    },
    async run<Output>(
      signal: AbortSignal,
      work: (context: HostContext) => Promise<Output>,
      report: (outcome: StepOutcome<Output>) => void,
      patient?: string,
    ) {
      count += 1;
      let outcome: StepOutcome<Output>;
      try {
        outcome = { output: await started(signal, work, patient) };
      } catch (thrown) {
        outcome = { thrown };
      }
      report(outcome);
      count -= 1;
    },
  };
}
