import { runOfJob } from "../../machines/job-id.ts";
import type { JobOffer } from "../../services/batch/index.ts";
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
export async function offerOfJob(
  runs: Pick<Journal, "journalGet">,
  jobId: string,
): Promise<JobOffer | undefined> {
  const runId = runOfJob(jobId);
  return runId === undefined
    ? undefined
    : ((await runs.journalGet(runId, offerOf(jobId))) as JobOffer | undefined);
}

export const noteMove = (runs: Journal, runId: string, jobId: string): Promise<unknown> =>
  runs.journalPut(runId, moveOf(jobId), true);

export const wasMoved = async (runs: Journal, runId: string, jobId: string): Promise<boolean> =>
  (await runs.journalGet(runId, moveOf(jobId))) === true;
