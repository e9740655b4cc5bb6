import { toHaystackError } from "../../errors.ts";
import { type JobState, type RunJobs, TERMINAL_JOB_STATES } from "../../services/batch/index.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import { isOfGpuJobs } from "../run-details.ts";

/**
 * Runs as Batch jobs of their own (DISPATCH=batch): decides what to do with a run that this daemon
 * has claimed. The answer is when to look at it again, or "host" for what is done faster here: a
 * run to cancel, or one at rest, which goes back to the queue when it is retried.
 *
 * A run that waits for its GPU jobs needs no machine: its job ends, the daemon hosts it "while it
 * waits", and what is to be done then is the next job's.
 *
 * Which jobs were submitted stands in the run's journal before they are (D2), so a job is never
 * submitted twice under one name.
 */
export type Dispatch = (record: RunRecord) => Promise<number | "host" | "while it waits">;

export interface DispatchOptions {
  readonly runs: Pick<RunStore, "journalGet" | "journalPut">;
  readonly runJobs: RunJobs;
  readonly clock: Clock;
  /** Pause between two looks at a dispatched run. */
  readonly watchMs: number;
  /** After so many lost jobs the daemon hosts the run itself. */
  readonly maxJobs: number;
  /** Told why a run could not be looked after now. */
  readonly onTrouble: (thrown: unknown) => void;
}

/** Whether a job runs a whole run. */
export const isRunJob = (jobId: string): boolean => /^hs-.+-run-\d+$/.test(jobId);

const jobName = (runId: string, number: number): string => `hs-${runId}-run-${number}`;
const isUnderWay = (state: JobState): boolean => !TERMINAL_JOB_STATES.has(state);
const entryOf = (number: number): string => `dispatch.${number}`;
/** The job ended well, which of a run that goes on means that it was handed over. */
const handedOver = (number: number): string => `dispatch.${number}.handed-over`;

/** All its inputs are written. */
function waitsForGpuJobs({ document, snapshot }: RunRecord): boolean {
  if (!isOfGpuJobs(document) || snapshot === null) return false;
  const { children = {} } = JSON.parse(snapshot) as {
    readonly children?: Readonly<
      Record<string, { readonly snapshot?: { readonly value?: unknown } }>
    >;
  };
  const jobs = Object.values(children);
  return jobs.length > 0 && jobs.every(({ snapshot: job }) => job?.value !== "preparing");
}

export function createDispatch({
  runs,
  runJobs,
  clock,
  watchMs,
  maxJobs,
  onTrouble,
}: DispatchOptions): Dispatch {
  const submittedJobs = async (runId: string): Promise<number> => {
    for (let number = 1; ; number++)
      if ((await runs.journalGet(runId, entryOf(number))) === undefined) return number - 1;
  };

  const handOvers = async (runId: string, last: number): Promise<number> => {
    const entries = Array.from({ length: last }, (_, at) =>
      runs.journalGet(runId, handedOver(at + 1)),
    );
    return (await Promise.all(entries)).filter((entry) => entry !== undefined).length;
  };

  const decide: Dispatch = async (record) => {
    const { document, inbox } = record;
    const { run_id: runId, status } = document;
    const last = await submittedJobs(runId);
    const isToCancel =
      status === "cancelled" || inbox.some(({ event }) => event.type === "cancel.requested");
    if (isToCancel && last > 0) await runJobs.cancel(jobName(runId, last));
    if (isToCancel || status === "completed" || status === "failed") return "host";
    // Submitting again under the same name makes up for a crash between journal and submit, and
    // tells how the job stands.
    if (last > 0) {
      const state = await runJobs.submit({ job_id: jobName(runId, last), run_id: runId });
      if (isUnderWay(state)) return clock.now() + watchMs;
      if (state === "SUCCEEDED")
        await runs.journalPut(runId, handedOver(last), { at: clock.now() });
      if (waitsForGpuJobs(record)) return "while it waits";
    }
    if (last - (await handOvers(runId, last)) >= maxJobs) return "host";
    await runs.journalPut(runId, entryOf(last + 1), { at: clock.now() });
    await runJobs.submit({ job_id: jobName(runId, last + 1), run_id: runId });
    return clock.now() + watchMs;
  };

  // Of several claimed runs, one whose job is refused must not hold up the others. While Batch does
  // not answer, which takes its patience to find out, none is tried.
  let unavailableUntil = 0;
  return async (record) => {
    if (clock.now() < unavailableUntil) return unavailableUntil;
    try {
      return await decide(record);
    } catch (thrown) {
      onTrouble(thrown);
      const lookAgainAt = clock.now() + watchMs;
      if (toHaystackError(thrown).code === "BATCH_UNAVAILABLE") unavailableUntil = lookAgainAt;
      return lookAgainAt;
    }
  };
}
