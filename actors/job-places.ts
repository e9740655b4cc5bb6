import type { RunRecord } from "../services/runs/index.ts";
import type { StepPorts } from "./ports.ts";
import { storedContext } from "./run-details.ts";

/** A job that is to begin, or was. */
interface Placed {
  readonly run_id: string;
  readonly job_id: string;
  readonly user_email: string | null;
}

const NAME = "gpu-jobs";
const MOST_TURNS = 50;

/** It runs or may, as far as its run knows. */
function isThere({ job_id }: Placed, record: RunRecord | undefined): boolean {
  if (record === undefined) return false;
  const { status, current_phase } = record.document;
  const state = storedContext(record.snapshot).jobs?.find((job) => job.job_id === job_id)?.state;
  return (
    (state === "submitting" || state === "submitted") &&
    (status === "running" || (status === "cancelled" && current_phase !== null))
  );
}

/**
 * Keeps MAX_GPU_JOBS and MAX_GPU_JOBS_PER_USER, over all daemons of a store: each job has a place in
 * it before it begins, by compare-and-set, until its run knows that it ended. Who looks for a place
 * where none is left gives those back that ended.
 *
 * It answers with a sentence where there is no place, for which the job is to wait; null: it may
 * begin.
 */
export function jobPlaces({
  runs,
  ceilings: { MAX_GPU_JOBS: most = Infinity, MAX_GPU_JOBS_PER_USER: mostOfUser = Infinity },
}: Pick<StepPorts, "runs" | "ceilings">): (
  job: Pick<Placed, "run_id" | "job_id">,
) => Promise<string | null> {
  const whyNone = (others: readonly Placed[], user: string | null): string | null => {
    if (others.length >= most)
      return `The job waits for a place: ${others.length} GPU jobs are under way, as many as the operator allows at once (MAX_GPU_JOBS).`;
    const own = others.filter(({ user_email }) => user_email === user).length;
    return own >= mostOfUser
      ? `The job waits for a place: ${own} GPU jobs of its user are under way, as many as the operator allows at once (MAX_GPU_JOBS_PER_USER).`
      : null;
  };

  return async ({ run_id, job_id }) => {
    if (Math.min(most, mostOfUser) === Infinity) return null;
    const user_email = (await runs.get(run_id))?.document.user_email ?? null;
    for (let turns = 0; turns < MOST_TURNS; turns += 1) {
      const { revision, value } = await runs.shared.get(NAME);
      let others = ((value ?? []) as readonly Placed[]).filter((other) => other.job_id !== job_id);
      if (whyNone(others, user_email) !== null) {
        const records = new Map<string, RunRecord | undefined>();
        for (const other of others)
          if (!records.has(other.run_id)) records.set(other.run_id, await runs.get(other.run_id));
        others = others.filter((other) => isThere(other, records.get(other.run_id)));
      }
      const why = whyNone(others, user_email);
      if (why !== null) return why;
      if (await runs.shared.replace(NAME, revision, [...others, { run_id, job_id, user_email }]))
        return null;
    }
    return "The job waits for others that are decided on at this moment.";
  };
}
