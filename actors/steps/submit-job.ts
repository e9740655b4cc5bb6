import type { SubmitJobInput, SubmitJobOutput } from "../../machines/run-types.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../step.ts";
import type { StepPorts } from "./ports.ts";

/** Hands the job to Batch; a job of that name that is ours is adopted (D4). */
export function submitJob({ batch, clock, reconcileMs }: StepPorts): Effect<SubmitJobInput, SubmitJobOutput> {
  return async ({ job, run_id, random_seed, deadline_seconds }, { signal }) => {
    const paths = iterationObjects(run_id, job.iteration);
    await batch.submit(
      {
        job_id: job.job_id,
        run_id,
        iteration: job.iteration,
        kind: job.kind,
        attempt: job.attempt,
        prompt: paths.prompt(job.kind),
        query: paths.query,
        output: paths.predictions(job.kind),
        seed: random_seed,
        max_run_seconds: deadline_seconds,
      },
      signal,
    );
    const now = clock.now();
    return { now, deadline_at: now + deadline_seconds * 1_000, check_at: now + reconcileMs };
  };
}
