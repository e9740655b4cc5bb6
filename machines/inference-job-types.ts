import type { ErrorRecord } from "../errors.ts";
import type {
  FoundPairs,
  JobKind,
  ObjectReference,
  PairName,
  PredictedPairs,
  PreparedJob,
} from "./pair-types.ts";
import type { JobFailureLimits, JobRecord, RunEvent } from "./run-types.ts";
import type { CheckTrouble } from "./step-types.ts";

export interface InferenceJobInput {
  readonly run_id: string;
  readonly iteration: number;
  readonly kind: JobKind;
  /** Of a round of several prompts; absent otherwise: those of its kind. */
  readonly pairs?: readonly PairName[];
  readonly plan: ObjectReference;
  readonly random_seed: number;
  readonly first_attempt: number;
  readonly limits: JobFailureLimits;
  readonly deadline_seconds: number;
  readonly max_gpu_cost_usd: number | null;
}

export interface InferenceJobContext extends InferenceJobInput {
  readonly job: JobRecord;
  readonly failures: JobFailureLimits;
  readonly submitted_at: number;
  readonly deadline_at: number;
  /**
   * When to go on: the reconcile time while awaiting, the retry time while retrying, the time of
   * the next try while postponed.
   */
  readonly wake_at: number | null;
  /** Since when Batch could not take the job; absent in older snapshots. */
  readonly troubled_since?: number | null;
  /** What kept the newest check from an answer; absent in older snapshots. */
  readonly trouble?: CheckTrouble | null;
  /** How often the job found no machine; absent in older snapshots, as the next. */
  readonly shortages?: number;
  /** How often it was moved to the next offer. */
  readonly moves?: number;
  /** Seconds that attempts ran which came to nothing through no fault of the Spot market. */
  readonly lost_seconds?: number;
  /** News of the job came while it was being looked at. */
  readonly changed: boolean;
  readonly outputs: PredictedPairs | null;
  /** Null before that is known; absent in older snapshots. */
  readonly prepared?: PreparedJob | null;
  readonly error: ErrorRecord | null;
}

export type InferenceJobEvent = Extract<RunEvent, { type: "job.changed" | "clock.ticked" }>;

export interface InferenceJobOutput {
  /** Null where none was needed. */
  readonly job: JobRecord | null;
  readonly outputs: PredictedPairs | null;
  readonly found: FoundPairs;
  readonly error: ErrorRecord | null;
}
