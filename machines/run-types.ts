import type { ErrorRecord } from "../errors.ts";
import type {
  FoundPairs,
  ObjectReference,
  JobKind,
  PredictedPairs,
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
/** How long jobs have run, by their names, as far as Batch says. */
export type RunSeconds = Readonly<Record<string, number>>;
