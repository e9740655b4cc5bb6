import { TERMINAL_JOB_STATES } from "../../services/batch/index.ts";
import type { CancelJobsInput, CancelJobsOutput } from "../../machines/run-types.ts";
import type { Effect } from "../host/step.ts";
import { pauseSince } from "./pause.ts";
import type { StepPorts } from "../ports.ts";

const FIRST_PAUSE_MS = 2_000;

/**
 * Cancels the jobs and says which are not yet terminal. A submit under way is waited for: its job
 * would run on unseen. So would one that Batch does not know yet: it counts as stopped only when it
 * has not appeared for as long as a new job may take. What they ran is told, as it is to be paid
 * for.
 */
export function cancelJobs({
  batch,
  clock,
  reconcileMs,
}: StepPorts): Effect<CancelJobsInput, CancelJobsOutput> {
  return async ({ job_ids, asked_at }, { signal, quiesce }) => {
    await quiesce();
    const since = asked_at ?? clock.now();
    const remaining: string[] = [];
    const runSeconds: Record<string, number> = {};
    for (const jobId of job_ids) {
      await batch.cancel(jobId, signal);
      const status = await batch.get(jobId, signal);
      const isStopped =
        status === undefined
          ? clock.now() >= since + batch.notFoundGraceMs
          : TERMINAL_JOB_STATES.has(status.state);
      if (!isStopped) remaining.push(jobId);
      if (status?.run_seconds !== undefined) runSeconds[jobId] = status.run_seconds;
    }
    const now = clock.now();
    return {
      remaining,
      asked_at: since,
      check_at: now + pauseSince(since, now, { first: FIRST_PAUSE_MS, longest: reconcileMs }),
      run_seconds: runSeconds,
    };
  };
}
