import type { ErrorRecord } from "../errors.ts";
import { lostSeconds } from "./inference-job-actions.ts";
import type { InferenceJobContext, InferenceJobEvent } from "./inference-job-types.ts";
import { pairsOf } from "./job-id.ts";
import type { PreparedJob } from "./pair-types.ts";
import type { StepFailure } from "./run-types.ts";
import type { CheckJobOutput, SubmitJobOutput } from "./step-types.ts";

/** The predicates of the machine of one inference job. */

interface Given {
  readonly context: InferenceJobContext;
  readonly event: InferenceJobEvent;
}

const REFUSALS: ReadonlySet<ErrorRecord["code"]> = new Set(["JOB_NOT_OURS", "GPU_BUDGET_SPENT"]);

export const isMine = ({ context, event }: Given): boolean =>
  event.type === "job.changed" && event.job_id === context.job.job_id;

export const isDue = ({ context, event }: Given): boolean =>
  event.type === "clock.ticked" && context.wake_at !== null && event.now >= context.wake_at;

export const isFound = ({ context }: Given, { found }: PreparedJob): boolean =>
  (context.pairs ?? pairsOf(context.kind)).every((pair) => found[pair] !== undefined);

/**
 * Certainly not submitted. After any other failure the job may run: it stays on record as
 * submitting, and the run stops it.
 */
export function wasRefused(_: Given, { error }: { readonly error: unknown }): boolean {
  const { code, job_may_run } = error as StepFailure;
  return REFUSALS.has(code) && job_may_run !== true;
}

export const isPostponed = (_: Given, output: SubmitJobOutput): boolean => "try_at" in output;

export const isWaiting = (_: Given, { verdict }: CheckJobOutput): boolean => verdict === "waiting";

/** Batch says something else than before of why the job has no machine. */
export const isHeldOtherwise = ({ context }: Given, output: CheckJobOutput): boolean =>
  output.verdict === "waiting" &&
  output.held !== undefined &&
  (output.held?.reason ?? null) !== (context.job.held?.reason ?? null);

export const isOutOfDate = ({ context }: Given, { verdict }: CheckJobOutput): boolean =>
  verdict === "waiting" && context.changed;

export const hasSucceeded = (_: Given, { verdict }: CheckJobOutput): boolean =>
  verdict === "succeeded";

export const isOverdue = (_: Given, { verdict }: CheckJobOutput): boolean => verdict === "overdue";

/**
 * What failed attempts ran may not come to more than one whole run of the job. One that is moved to
 * the next offer has not failed.
 */
export const mayRetry = ({ context }: Given, output: CheckJobOutput): boolean =>
  output.verdict === "failed" &&
  output.kind !== "over_time" &&
  output.error.retryable &&
  (output.moves_on === true || context.failures[output.kind] + 1 < context.limits[output.kind]) &&
  lostSeconds(context, output) < context.deadline_seconds;
