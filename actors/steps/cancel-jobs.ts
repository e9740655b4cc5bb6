import { toHaystackError } from "../../errors.ts";
import { TERMINAL_JOB_STATES, type JobStatus } from "../../services/batch/index.ts";
import type { CancelJobsInput, CancelJobsOutput, CheckTrouble } from "../../machines/step-types.ts";
import type { Effect } from "../host/step.ts";
import { offerOfJob } from "./job-offers.ts";
import { pauseSince } from "./pause.ts";
import type { StepPorts } from "../ports.ts";

const FIRST_PAUSE_MS = 2_000;

/**
 * Cancels the jobs, each for itself, and says which are not yet terminal; one that cannot be stopped
 * now is among them. A submit under way is waited for: its job would run on unseen. So would one
 * that Batch does not know yet: it counts as stopped only when it has not appeared for as long as a
 * new job may take. What they ran is told, as it is to be paid for.
 */
export function cancelJobs({
  batch,
  clock,
  reconcileMs,
  runs,
}: StepPorts): Effect<CancelJobsInput, CancelJobsOutput> {
  return async ({ job_ids, asked_at, trouble: before }, { signal, quiesce }) => {
    await quiesce();
    const since = asked_at ?? clock.now();
    const stop = async (jobId: string): Promise<JobStatus | undefined> => {
      const offer = await offerOfJob(runs, jobId);
      await batch.cancel(jobId, signal, offer);
      return batch.get(jobId, signal, offer);
    };
    const outcomes = await Promise.allSettled(job_ids.map(stop));
    signal.throwIfAborted();
    const now = clock.now();
    const isStopped = (outcome: PromiseSettledResult<JobStatus | undefined>): boolean => {
      if (outcome.status === "rejected") return false;
      return outcome.value === undefined
        ? now >= since + batch.notFoundGraceMs
        : TERMINAL_JOB_STATES.has(outcome.value.state);
    };
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    return {
      remaining: job_ids.filter((_, index) => {
        const outcome = outcomes[index];
        return outcome === undefined || !isStopped(outcome);
      }),
      asked_at: since,
      check_at: now + pauseSince(since, now, { first: FIRST_PAUSE_MS, longest: reconcileMs }),
      run_seconds: Object.fromEntries(
        outcomes.flatMap((outcome, index) => {
          const seconds = outcome.status === "rejected" ? undefined : outcome.value?.run_seconds;
          return seconds === undefined ? [] : [[job_ids[index] ?? "", seconds]];
        }),
      ),
      ...(failure === undefined ? {} : { trouble: troubleOf(failure.reason, before, now) }),
    };
  };
}

function troubleOf(
  reason: unknown,
  before: CheckTrouble | null | undefined,
  now: number,
): CheckTrouble {
  const { code, message } = toHaystackError(reason);
  return { code, message, since: before?.code === code ? before.since : now };
}
