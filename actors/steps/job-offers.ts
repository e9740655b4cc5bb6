import { runOfJob } from "../../machines/job-id.ts";
import type { JobOffer } from "../../services/batch/index.ts";
import type { RunStore } from "../../services/runs/index.ts";
import type { StepPorts } from "../ports.ts";

/**
 * What a run's journal has of its jobs before Batch knows of it: which offer each was made with, so
 * that a changed configuration neither looks for it elsewhere nor makes a second one, and which
 * were given up for want of a machine.
 */

type Journal = Pick<StepPorts["runs"], "journalGet" | "journalPut">;

const offerOf = (jobId: string): string => `offer.${jobId}`;
const moveOf = (jobId: string): string => `moved.${jobId}`;

/** The offer that the job was made with, or now is to be. */
export async function keptOffer(
  runs: Journal,
  runId: string,
  jobId: string,
  offer: JobOffer | null,
): Promise<JobOffer | null> {
  return offer === null
    ? null
    : ((await runs.journalPut(runId, offerOf(jobId), offer)) as JobOffer);
}

/** Undefined for a job of an earlier release, and where nothing is paid for. */
export async function offerOfJob(runs: Journal, jobId: string): Promise<JobOffer | undefined> {
  const runId = runOfJob(jobId);
  return runId === undefined
    ? undefined
    : ((await runs.journalGet(runId, offerOf(jobId))) as JobOffer | undefined);
}

/** By the ids of the run's jobs; those of an earlier release, and where nothing is paid for, have none. */
export async function offersOfRun(
  runs: Pick<RunStore, "journal">,
  runId: string,
): Promise<ReadonlyMap<string, JobOffer>> {
  const beginning = offerOf("");
  const entries = await runs.journal(runId);
  return new Map(
    entries
      .filter(({ key }) => key.startsWith(beginning))
      .map(({ key, value }) => [key.slice(beginning.length), value as JobOffer]),
  );
}

export const noteMove = (runs: Journal, runId: string, jobId: string): Promise<unknown> =>
  runs.journalPut(runId, moveOf(jobId), true);

export const wasMoved = async (runs: Journal, runId: string, jobId: string): Promise<boolean> =>
  (await runs.journalGet(runId, moveOf(jobId))) === true;
