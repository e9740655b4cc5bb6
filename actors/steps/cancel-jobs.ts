import { TERMINAL_JOB_STATES } from "../../services/batch/index.ts";
import type { CancelJobsInput, CancelJobsOutput } from "../../machines/run-types.ts";
import type { Effect } from "../step.ts";
import type { StepPorts } from "./ports.ts";

/** Cancels the jobs and says which are not yet terminal. A submit under way is waited for: its job would run on unseen. */
export function cancelJobs({ batch, clock, reconcileMs }: StepPorts): Effect<CancelJobsInput, CancelJobsOutput> {
  return async ({ job_ids }, { signal, quiesce }) => {
    await quiesce();
    const remaining: string[] = [];
    for (const jobId of job_ids) {
      await batch.cancel(jobId, signal);
      const status = await batch.get(jobId, signal);
      if (status !== undefined && !TERMINAL_JOB_STATES.has(status.state)) remaining.push(jobId);
    }
    return { remaining, check_at: clock.now() + Math.min(reconcileMs, 2_000) };
  };
}
