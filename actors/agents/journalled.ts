import { createHash } from "node:crypto";
import { toHaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunStore } from "../../services/runs/index.ts";

/** The step of a run that asks. */
export interface StepKey {
  readonly run_id: string;
  readonly step: "analyze" | "prompt" | "evaluate";
  readonly iteration: number;
}

export interface Journal {
  /**
   * The result under this name: the one on record, or that of `work`, which is on record before it
   * is returned (D7).
   */
  once<Result>(
    name: readonly unknown[],
    work: (key: string) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result>;
}

export interface JournalPorts {
  readonly runs: Pick<RunStore, "journalGet" | "journalPut">;
  readonly clock: Clock;
}

/** With the pauses between them these span two minutes. */
const MOST_PUTS = 8;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The journal of one step with one service. Keys are hashes of step, iteration and name: the same
 * question again costs nothing.
 */
export function journalOf(
  { runs, clock }: JournalPorts,
  { run_id, step, iteration }: StepKey,
  service: "model" | "literature",
): Journal {
  /**
   * What `work` gave may have been paid for and is in memory alone: while the store is away it is
   * kept and put again, once more when the step is aborted.
   */
  const put = async (key: string, value: unknown, signal: AbortSignal): Promise<unknown> => {
    for (let failures = 1; ; failures++) {
      const isLast = failures === MOST_PUTS || signal.aborted;
      try {
        return await runs.journalPut(run_id, key, value);
      } catch (thrown) {
        if (isLast || toHaystackError(thrown).code !== "STORE_UNAVAILABLE") throw thrown;
      }
      await pause(clock, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)), signal);
    }
  };
  return {
    async once<Result>(
      name: readonly unknown[],
      work: (key: string) => Promise<Result>,
      signal: AbortSignal,
    ) {
      const hash = createHash("sha256")
        .update(JSON.stringify([run_id, step, iteration, ...name]))
        .digest("hex");
      const key = `${service}/${step}/${iteration}/${hash.slice(0, 32)}`;
      const known = await runs.journalGet(run_id, key);
      return (known ?? (await put(key, await work(key), signal))) as Result;
    },
  };
}

/** Ends early when aborted. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancelTimer();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancelTimer = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
