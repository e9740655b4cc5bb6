import type { ErrorRecord } from "../errors.ts";
import type {
  FoundPairs,
  ObjectReference,
  JobKind,
  PairName,
  PredictedPairs,
  PreparedJob,
  PromptPairs,
} from "./pair-types.ts";
import type { StructuredQuery, ControlStrategy } from "../science/query/structured-query.ts";
import type {
  RunConfig,
  RunDocument,
  RunErrorRecord,
  RunPhase,
  TerminationReason,
} from "../services/runs/document.ts";
import type { IterationSummary } from "../services/runs/iteration.ts";

/** Why an attempt failed; each kind has a counter and a limit of its own. */
export type JobFailureKind = "transient" | "preempted" | "application" | "over_time";

/** How often each kind of failure may happen before the job fails for good. */
export type JobFailureLimits = Readonly<Record<"transient" | "preempted" | "application", number>>;

/** What an attempt was given, and its price. */
export interface JobOffer {
  readonly machine: string;
  readonly provisioning: "SPOT" | "STANDARD" | "FLEX_START";
  readonly usd_per_hour: number;
  /** Where the job is, as the next; absent in older snapshots: where the configuration says. */
  readonly project?: string;
  readonly region?: string;
}

/** What the run knows of every inference job it ever named; the newest attempt of a kind counts. */
export interface JobRecord {
  readonly job_id: string;
  readonly iteration: number;
  readonly kind: JobKind;
  readonly attempt: number;
  readonly state: "submitting" | "submitted" | "succeeded" | "failed" | "cancelled";
  readonly run_seconds: number | null;
  /** Null where nothing is paid for. */
  readonly offer: JobOffer | null;
  readonly cost_usd: number;
  readonly failure: JobFailureKind | null;
  /** Why it failed, was postponed, or has no machine yet. */
  readonly problem: string | null;
  /** What keeps it from its machine; absent otherwise, and in older snapshots. */
  readonly held?: JobHold | null;
}

/** What keeps a submitted job from its machine, and since when (milliseconds). */
export interface JobHold {
  readonly kind: "capacity" | "quota" | "permission" | "invalid" | "other";
  readonly reason: string;
  readonly since: number;
}

/** What is shown to the model, and why. */
export interface RoundPrompt {
  readonly candidate_id: string;
  readonly prompt_strategy: IterationSummary["prompt_strategy"];
  readonly prompt_rationale: string;
  readonly prompt_cells: number;
}

/** The prompt of the present iteration, of several the first, and what came of it so far. */
export interface CurrentRound extends RoundPrompt {
  readonly plan: ObjectReference;
  readonly query_cells: number;
  /** All of them, where there are several; absent otherwise, and in older snapshots. */
  readonly prompts?: readonly (RoundPrompt & PromptPairs)[];
  /** Where the language model was asked for this prompt and did not decide. */
  readonly model_problems?: IterationSummary["model_problems"];
  readonly predictions: ObjectReference | null;
  readonly control_predictions: ObjectReference | null;
  /** Those of all prompts, where there are several. */
  readonly outputs?: PredictedPairs;
  /** Those of them that were made before; absent in older snapshots. */
  readonly found?: FoundPairs;
}

/** What was predicted from one prompt; `pairs` absent where it is the only one of its round. */
export interface PredictedPrompt {
  readonly pairs?: PromptPairs;
  readonly predictions: ObjectReference;
  readonly control_predictions: ObjectReference | null;
}

/** A finished iteration: what the document shows, and where its files are. */
export interface FinishedIteration {
  readonly summary: IterationSummary;
  readonly plan: ObjectReference;
  /** Of the prompt that counts, where the round had several; of a mixture the first. */
  readonly pairs?: PromptPairs;
  /** Where a mixture counts: its predictions. */
  readonly mixed?: readonly PredictedPrompt[];
  readonly predictions: ObjectReference;
  readonly control_predictions: ObjectReference | null;
  readonly evaluation: ObjectReference;
  /** Delivered cells and response of the predictions; absent in older snapshots. */
  readonly response?: ObjectReference;
}

export interface OwedMail {
  readonly key: string;
  readonly kind: "run_completed" | "run_failed" | "run_cancelled";
}

/** What a step used of the language model. */
export interface ModelUsage {
  readonly tokens: number;
  readonly usd: number;
}

/**
 * What a failed step leaves: its error, what it used of the language model, and whether an earlier
 * try may have begun the job.
 */
export interface StepFailure extends ErrorRecord {
  readonly model_usage?: ModelUsage & { readonly step: string };
  readonly job_may_run?: true;
}

export interface RunInput {
  readonly run_id: string;
  readonly query: string;
  readonly config: RunConfig;
  readonly random_seed: number;
}

export interface RunContext extends RunInput {
  readonly phase: RunPhase;
  readonly iteration: number;
  readonly structured_query: StructuredQuery | null;
  readonly control_cells_available: boolean | null;
  readonly control_strategy_effective: ControlStrategy | null;
  /** What the question is asked of. Absent before it is understood, and in older snapshots. */
  readonly atlases?: RunDocument["atlases"];
  readonly round: CurrentRound | null;
  readonly jobs: readonly JobRecord[];
  readonly iterations: readonly FinishedIteration[];
  readonly delivered_iteration: number | null;
  readonly outputs: {
    readonly anndata: string;
    readonly report: string;
    readonly log: string;
  } | null;
  readonly termination_reason: TerminationReason | null;
  readonly error: RunErrorRecord | null;
  /**
   * Where a run that is retried goes on once it is admitted again. Absent before, and in older
   * snapshots.
   */
  readonly resume_phase?: RunPhase | null;
  readonly mails: readonly OwedMail[];
  /**
   * By step, e.g. "prompt.2": a step that runs again reports what it used before. Absent in older
   * snapshots.
   */
  readonly model_usage?: Readonly<Record<string, ModelUsage>>;
}

export type RunEvent =
  | { readonly type: "run.admitted" }
  | { readonly type: "cancel.requested" }
  | { readonly type: "retry.requested" }
  | { readonly type: "job.changed"; readonly job_id: string; readonly state: string }
  | { readonly type: "job.recorded"; readonly job: JobRecord }
  | { readonly type: "clock.ticked"; readonly now: number };

/** What each step takes and gives: the commands of the machine, bound to effects in actors/. */
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
/** How long jobs have run, by their names, as far as Batch says. */
export type RunSeconds = Readonly<Record<string, number>>;
