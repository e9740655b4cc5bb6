import type { SubmitJobInput, SubmitJobOutput } from "../../machines/run-types.ts";
import { HaystackError } from "../../errors.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../step.ts";
import type { StepPorts } from "./ports.ts";

/** Hands the job to Batch; a job of that name that is ours is adopted (D4). */
export function submitJob({ batch, clock, reconcileMs, runs }: StepPorts): Effect<SubmitJobInput, SubmitJobOutput> {
  return async ({ job, run_id, random_seed, deadline_seconds, preemptions, max_gpu_cost_usd }, { signal }) => {
    const offer = batch.offer(preemptions);
    if (offer !== null && max_gpu_cost_usd !== null) await checkBudget(runs, run_id, max_gpu_cost_usd);
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
        ...(offer === null ? {} : { provisioning: offer.provisioning }),
      },
      signal,
    );
    const now = clock.now();
    return { offer, now, deadline_at: now + deadline_seconds * 1_000, check_at: now + reconcileMs };
  };
}

async function checkBudget(runs: StepPorts["runs"], runId: string, most: number): Promise<void> {
  const spent = (await runs.get(runId))?.document.usage.gpu_cost_usd ?? 0;
  if (spent >= most) throw new HaystackError("GPU_BUDGET_SPENT", `The run has spent ${spent.toFixed(2)} of ${most.toFixed(2)} USD on GPU jobs; raise max_gpu_cost_usd to go on.`);
}
