import type { ErrorRecord } from "../errors.ts";
import type {
  ObjectReference,
  JobKind,
  PairName,
  PredictedPairs,
  PreparedJob,
  PromptPairs,
} from "./pair-types.ts";
import type { StructuredQuery, ControlStrategy } from "../science/query/structured-query.ts";
import type { RunConfig, RunDocument } from "../services/runs/document.ts";
import type { IterationSummary } from "../services/runs/iteration.ts";
import type {
  JobFailureKind,
  JobFailureLimits,
  JobOffer,
  JobRecord,
  JobHold,
  CurrentRound,
  ModelUsage,
  RunContext,
  RunSeconds,
} from "./run-types.ts";

/** What the steps of a run are given, and what they give back. */

export interface AnalyzeInput {
  readonly run_id: string;
  readonly query: string;
  readonly config: RunConfig;
}
export interface AnalyzeOutput {
  readonly structured_query: StructuredQuery;
  readonly control_cells_available: boolean;
  readonly control_strategy_effective: ControlStrategy;
  readonly atlases?: RunDocument["atlases"];
  /** Absent without a language model, here and in the other outputs. */
  readonly usage?: ModelUsage;
}
export interface PromptInput {
  readonly run_id: string;
  readonly config: RunConfig;
  readonly random_seed: number;
  readonly iteration: number;
  readonly structured_query: StructuredQuery;
  readonly control_strategy_effective: ControlStrategy;
  readonly iterations: readonly IterationSummary[];
  /** By the run so far; absent in older snapshots. */
  readonly model_spent?: ModelUsage;
}
export type PromptOutput = Omit<
  CurrentRound,
  "predictions" | "control_predictions" | "outputs" | "found"
> & {
  readonly usage?: ModelUsage;
};
export interface EvaluateInput {
  readonly run_id: string;
  readonly config: RunConfig;
  readonly random_seed: number;
  readonly iteration: number;
  readonly structured_query: StructuredQuery;
  readonly control_strategy_effective: ControlStrategy;
  readonly round: CurrentRound;
  /** The earlier ones; absent in older snapshots. */
  readonly iterations?: readonly IterationSummary[];
  readonly model_spent?: ModelUsage;
}
export interface EvaluateOutput {
  readonly summary: IterationSummary;
  readonly evaluation: ObjectReference;
  readonly response?: ObjectReference;
  /** Those of the prompt that counts, where the round had several; of a mixture the first. */
  readonly pairs?: PromptPairs;
  /** Where a mixture counts: those of its prompts. */
  readonly mixed?: readonly PromptPairs[];
  readonly usage?: ModelUsage;
}
export interface OutputInput {
  readonly context: RunContext;
}
export type OutputOutput = NonNullable<RunContext["outputs"]>;

/** `pairs`: where it is a round of several prompts; of the job's kind otherwise. */
export interface PrepareJobInput {
  readonly run_id: string;
  readonly iteration: number;
  readonly kind: JobKind;
  readonly pairs?: readonly PairName[];
  readonly plan: ObjectReference;
  /** Absent in older snapshots: nothing is looked for. */
  readonly random_seed?: number;
}
export interface SubmitJobInput {
  readonly job: JobRecord;
  readonly pairs?: readonly PairName[];
  /** Absent in older snapshots, as below. */
  readonly prepared?: PreparedJob | null;
  readonly run_id: string;
  readonly random_seed: number;
  readonly deadline_seconds: number;
  /** How often this job lost its machine or found none before: decides between the offers. */
  readonly preemptions: number;
  /** How often it was moved to the next offer, as its machine was not to be had. */
  readonly moves?: number;
  readonly max_gpu_cost_usd: number | null;
  /** When Batch was first asked to take this job and could not; null or absent before. */
  readonly troubled_since?: number | null;
  /** What the cells of the job were drawn by; absent in older snapshots. */
  readonly plan?: ObjectReference;
}
export interface SubmittedJob {
  readonly offer: JobOffer | null;
  readonly now: number;
  readonly deadline_at: number;
  readonly check_at: number;
}
/** Batch cannot take the job now: the same job is handed over again. */
export interface PostponedJob {
  readonly problem: string;
  readonly troubled_since: number;
  readonly try_at: number;
}
export type SubmitJobOutput = SubmittedJob | PostponedJob;
export interface CheckJobInput {
  readonly job: JobRecord;
  readonly pairs?: readonly PairName[];
  readonly prepared?: PreparedJob | null;
  /**
   * How often the job failed since it was last begun or retried by the user; absent in older
   * snapshots.
   */
  readonly failures?: JobFailureLimits;
  readonly run_id: string;
  readonly submitted_at: number;
  readonly deadline_at: number;
  /** Of the check before this one; absent in older snapshots. */
  readonly trouble?: CheckTrouble | null;
}
/** What keeps checks from an answer, and since when. */
export interface CheckTrouble {
  readonly code: ErrorRecord["code"];
  readonly message: string;
  readonly since: number;
}
export type CheckJobOutput =
  | {
      readonly verdict: "waiting";
      readonly now: number;
      readonly check_at: number;
      readonly trouble?: CheckTrouble;
      /** What Batch says now; absent where it gave no answer. */
      readonly held?: Omit<JobHold, "since"> | null;
    }
  | {
      readonly verdict: "succeeded";
      readonly outputs: PredictedPairs;
      readonly run_seconds: number | null;
    }
  | { readonly verdict: "overdue"; readonly error: ErrorRecord }
  | {
      readonly verdict: "failed";
      readonly kind: JobFailureKind;
      /** It never had a machine: the next attempt may be offered another one. */
      readonly shortage?: true;
      /** It was stopped as it had no machine for long: the next attempt gets the next offer. */
      readonly moves_on?: true;
      readonly error: ErrorRecord;
      readonly retry_at: number;
      readonly run_seconds: number | null;
    };
export interface CancelJobsInput {
  readonly job_ids: readonly string[];
  /** When the jobs were first asked to stop; null before. */
  readonly asked_at: number | null;
  /** Of the request before this one; absent in older snapshots. */
  readonly trouble?: CheckTrouble | null;
}
export interface CancelJobsOutput {
  /** Jobs that Batch does not yet call terminal. */
  readonly remaining: readonly string[];
  readonly asked_at: number;
  readonly check_at: number;
  readonly run_seconds: RunSeconds;
  /** What kept a job from being stopped; absent where nothing did. */
  readonly trouble?: CheckTrouble;
}
