import { toHaystackError, type HaystackError } from "../errors.ts";
import { jobId } from "../machines/job-id.ts";
import { type BatchService, type JobOffer, TERMINAL_JOB_STATES } from "../services/batch/index.ts";
import type { Clock } from "../services/clock/index.ts";
import type { RunRecord, RunStore } from "../services/runs/index.ts";
import { jobsOf } from "./run-details.ts";
import { offersOfRun } from "./steps/job-offers.ts";
import { createBackground } from "./supervisor/background.ts";

/**
 * The inference jobs of runs that are set aside. Nobody hosts such a run, so nobody waits for its
 * jobs: they go on to their own end, which Batch itself brings about in time, and a run that is
 * released finds them. Those of a cancelled one are stopped here.
 */

export interface AsideJobs {
  /** Has every job stopped that may still run; each run for itself, so that none keeps the others. */
  stop(): Promise<void>;
  /** Has the jobs of one run stopped; tells whether none of them runs any more. */
  stopThoseOf(record: RunRecord): Promise<boolean>;
  /** Does that from now on again and again. */
  begin(): void;
  /** The next time comes soon, where it has begun. */
  soon(): void;
  close(): Promise<void>;
}

const EVERY_MS = 60_000;
const MOST_RUNS = 1_000;
/** Of jobs for which nothing is paid: no more are begun of one that fails. */
const MOST_ATTEMPTS = 10;

/**
 * All that record and journal name, and the first that its last iteration may have, as the record
 * may be damaged.
 */
function possibleJobs(record: RunRecord, offers: ReadonlyMap<string, JobOffer>): string[] {
  const { run_id, current_iteration } = record.document;
  const iteration = Math.max(1, current_iteration);
  const named = (["prediction", "control", "round"] as const).flatMap((kind) =>
    Array.from({ length: MOST_ATTEMPTS }, (_, index) => jobId(run_id, iteration, kind, index + 1)),
  );
  return [...new Set([...jobsOf(record).map(({ job_id }) => job_id), ...offers.keys(), ...named])];
}

export function createAsideJobs({
  runs,
  batch,
  clock,
  onTrouble,
}: {
  readonly runs: Pick<RunStore, "setAsides" | "journal">;
  readonly batch: Pick<BatchService, "cancel" | "get" | "notFoundGraceMs">;
  readonly clock: Clock;
  readonly onTrouble: (error: HaystackError) => void;
}): AsideJobs {
  /** Runs of which no job runs any more. */
  const ended = new Set<string>();

  const hasEnded = async (
    id: string,
    at: JobOffer | undefined,
    mayAppear: boolean,
  ): Promise<boolean> => {
    await batch.cancel(id, undefined, at);
    const status = await batch.get(id, undefined, at);
    return status === undefined ? !mayAppear : TERMINAL_JOB_STATES.has(status.state);
  };

  const stopThoseOf = async (record: RunRecord): Promise<boolean> => {
    if (ended.has(record.document.run_id)) return true;
    const since = record.set_aside?.at ?? 0;
    const mayAppear = clock.now() < since + batch.notFoundGraceMs;
    const offers = await offersOfRun(runs, record.document.run_id);
    let all = true;
    const failures: unknown[] = [];
    for (const id of possibleJobs(record, offers)) {
      try {
        all = (await hasEnded(id, offers.get(id), mayAppear)) && all;
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    for (const failure of failures) throw failure;
    if (all) ended.add(record.document.run_id);
    return all;
  };

  const stop = async (): Promise<void> => {
    for (const record of await runs.setAsides(MOST_RUNS)) {
      const { run_id, status } = record.document;
      if (status !== "cancelled") ended.delete(run_id);
      else await stopThoseOf(record).catch((thrown: unknown) => onTrouble(toHaystackError(thrown)));
    }
  };

  const background = createBackground(clock, onTrouble, Math.random);
  let soon = (): void => undefined;
  return {
    stop,
    stopThoseOf,
    begin() {
      soon = background.every(EVERY_MS, stop, 0.5);
      soon();
    },
    soon: () => soon(),
    close: () => background.stop(),
  };
}
