import type { ErrorRecord } from "../errors.ts";
import type { InferenceJobContext, InferenceJobInput } from "./inference-job-types.ts";
import { jobId } from "./job-id.ts";
import type { PreparedJob } from "./pair-types.ts";
import type { JobFailureKind, JobFailureLimits, JobRecord } from "./run-types.ts";
import type { CheckJobOutput, SubmitJobOutput } from "./step-types.ts";
import type { StopJobsOutput } from "./stop-jobs.ts";

/** The mechanism below the machine of one inference job: plain functions, no XState. */

type Change = Partial<InferenceJobContext>;

export const nameAttempt = (input: InferenceJobInput, attempt: number): JobRecord => ({
  job_id: jobId(input.run_id, input.iteration, input.kind, attempt),
  iteration: input.iteration,
  kind: input.kind,
  attempt,
  state: "submitting",
  run_seconds: null,
  offer: null,
  cost_usd: 0,
  failure: null,
  problem: null,
});

export const nextAttempt = (context: InferenceJobContext): Change => ({
  job: nameAttempt(context, context.job.attempt + 1),
  wake_at: null,
  troubled_since: null,
  trouble: null,
});

/** An attempt is paid for by the second, also when it was lost to preemption or stopped. */
export const paidFor = (
  { offer }: JobRecord,
  runSeconds: number | null,
): Pick<JobRecord, "run_seconds" | "cost_usd"> => ({
  run_seconds: runSeconds,
  cost_usd: ((runSeconds ?? 0) / 3_600) * (offer?.usd_per_hour ?? 0),
});

const endJob = (
  job: JobRecord,
  runSeconds: number | null,
  failed: { readonly kind: JobFailureKind; readonly error: ErrorRecord | null } | null,
): JobRecord => ({
  ...job,
  state: failed === null ? "succeeded" : "failed",
  ...paidFor(job, runSeconds),
  failure: failed?.kind ?? null,
  problem: failed?.error?.message ?? null,
  ...(job.held === undefined ? {} : { held: null }),
});

export const submitted = ({ job }: InferenceJobContext, output: SubmitJobOutput): Change =>
  "try_at" in output
    ? {}
    : {
        job: { ...job, state: "submitted", offer: output.offer, problem: null },
        submitted_at: output.now,
        deadline_at: output.deadline_at,
        wake_at: output.check_at,
        troubled_since: null,
      };

export const postponed = ({ job }: InferenceJobContext, output: SubmitJobOutput): Change =>
  "try_at" in output
    ? {
        job: { ...job, problem: output.problem },
        wake_at: output.try_at,
        troubled_since: output.troubled_since,
      }
    : {};

export const stillWaiting = (output: CheckJobOutput): Change =>
  output.verdict === "waiting" ? { wake_at: output.check_at, trouble: output.trouble ?? null } : {};

/** A hold of the same kind goes on, whatever its words. */
export const heldOrFreed = ({ job }: InferenceJobContext, output: CheckJobOutput): Change => {
  if (output.verdict !== "waiting" || output.held === undefined) return {};
  const { held, now } = output;
  const since = held?.kind === job.held?.kind ? job.held?.since : undefined;
  return {
    job: {
      ...job,
      problem: held?.reason ?? null,
      held: held === null ? null : { ...held, since: since ?? now },
    },
  };
};

/** Every pair was predicted before: nothing is to be paid for. */
export const found = ({ found: outputs }: PreparedJob): Change => ({
  prepared: { found: outputs, notes: {} },
  outputs: Object.fromEntries(
    Object.entries(outputs).flatMap(([pair, where]) =>
      where === undefined ? [] : [[pair, { path: where.path, sha256: where.sha256 }]],
    ),
  ),
});

export const succeeded = ({ job, prepared }: InferenceJobContext, output: CheckJobOutput): Change =>
  output.verdict === "succeeded"
    ? {
        job: endJob(job, output.run_seconds, null),
        outputs: { ...prepared?.found, ...output.outputs },
        wake_at: null,
      }
    : {};

const countFailure = (failures: JobFailureLimits, kind: JobFailureKind): JobFailureLimits =>
  kind === "over_time" ? failures : { ...failures, [kind]: failures[kind] + 1 };

/** Preemptions are left out: the next machine but few is a standard one. */
export const lostSeconds = (
  { lost_seconds = 0 }: InferenceJobContext,
  output: CheckJobOutput,
): number =>
  output.verdict === "failed" && output.kind !== "preempted"
    ? lost_seconds + (output.run_seconds ?? 0)
    : lost_seconds;

export const failedAttempt = (context: InferenceJobContext, output: CheckJobOutput): Change =>
  output.verdict === "failed"
    ? {
        job: endJob(context.job, output.run_seconds, output),
        failures:
          output.moves_on === true ? context.failures : countFailure(context.failures, output.kind),
        lost_seconds: lostSeconds(context, output),
        ...(output.shortage === true ? { shortages: (context.shortages ?? 0) + 1 } : {}),
        ...(output.moves_on === true ? { moves: (context.moves ?? 0) + 1 } : {}),
        error: output.error,
        wake_at: output.retry_at,
      }
    : {};

export const overdue = ({ job }: InferenceJobContext, output: CheckJobOutput): Change =>
  output.verdict === "overdue"
    ? {
        job: endJob(job, null, { kind: "over_time", error: output.error }),
        error: output.error,
        wake_at: null,
      }
    : {};

export const priced = ({ job }: InferenceJobContext, { run_seconds }: StopJobsOutput): Change => ({
  job: { ...job, ...paidFor(job, run_seconds[job.job_id] ?? null) },
});

export const markedFailed = ({ job, error }: InferenceJobContext): Change => ({
  job: endJob(job, job.run_seconds, { kind: "application", error }),
});
