import { z } from "zod";
import "../../zod-words.ts";
import { given } from "../../given.ts";
import type { ErrorCode } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import {
  controlStrategySchema,
  structuredQuerySchema,
} from "../../science/query/structured-query.ts";
import { expectedAccuracySchema, TRANSFERS } from "../../science/accuracy/accuracy-schema.ts";
import { WITHHOLDABLE } from "../../science/atlas/withhold.ts";
import { iterationSchema, scoreSchema } from "./iteration.ts";

/** The public run document: the stored and the HTTP form (snake_case). One schema, one type. */

export const RUN_STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;
export const RUN_PHASES = [
  "pending",
  "query_analysis",
  "prompt_generation",
  "inference",
  "evaluation",
  "output_generation",
] as const;
export const TERMINATION_REASONS = [
  "converged",
  "max_iterations",
  "plateau",
  "no_expected_gain",
  "cancelled",
  "failed",
] as const;

/** Labels of atlases are shorter, whoever wrote them. */
const label = z.string().max(1_000);
/** More than anybody has imported. */
const MOST_DATASETS = 1_000;
const MOST_USD = 1_000_000;
/** As many as are considered. */
const MOST_PROMPTS = 8;

/** What a user may set for a run; every field has a default. */
export const runConfigSchema = z.strictObject({
  max_iterations: z.number().int().min(1).max(20).default(5),
  score_threshold: scoreSchema.default(7),
  control_strategy: controlStrategySchema.default("synthetic_control"),
  deliver: z.enum(["best", "last"]).default("best"),
  /**
   * Whether prediction and control prediction share a job, as they do unless it is said. Absent in
   * runs of earlier releases.
   */
  control_job: z.enum(["together", "separate"]).optional(),
  /**
   * How the built-in baseline carries responses over, `best` unless it is said; other models take no
   * notice. Absent in runs of earlier releases.
   */
  transfer: z.enum(TRANSFERS).optional(),
  /**
   * Prompts that an iteration tries side by side in one job, the best of which counts; as the daemon
   * says (PROMPTS_PER_ROUND) unless it is said. Absent in runs of earlier releases.
   */
  prompts_per_round: z.number().int().min(1).max(MOST_PROMPTS).optional(),
  plateau_window: z.number().int().min(2).max(20).default(3),
  min_improvement: z.number().int().min(0).max(9).default(1),
  /** Upper bounds on the cells shown to the model and predicted. */
  prompt_cells: z.number().int().min(10).max(100_000).default(512),
  query_cells: z.number().int().min(10).max(100_000).default(1_000),
  /** Datasets to use; empty means every imported atlas. */
  datasets: z.array(z.string().max(200)).max(MOST_DATASETS).default([]),
  /** Asks by labels exactly as the atlases write them; the question is then read by nobody. */
  exact_labels: z.strictObject({ cell_type: label.min(1), perturbation: label.min(1) }).optional(),
  /** Cells hidden from retrieval: the truth of `haystack validate`. */
  withhold: z
    .strictObject({
      cell_type: label,
      perturbation: label,
      donor: label.optional(),
      /** What the answer is new in; the cell type where it is not said. */
      what: z.array(z.enum(WITHHOLDABLE)).min(1).max(WITHHOLDABLE.length).optional(),
      /** Hides half of the asked control cells too, drawn under this seed. */
      split_seed: z.number().int().min(0).max(0xffff_ffff).optional(),
    })
    .nullable()
    .default(null),
  /** `worst` starts from the lowest-ranked usable prompt, to test that iterating helps. */
  first_prompt: z.enum(["best", "worst"]).default("best"),
  /**
   * How often an inference job may fail: by its own fault, by preemption, by the infrastructure
   * before it began.
   */
  max_job_attempts: z.number().int().min(1).max(10).default(3),
  max_preemptions: z.number().int().min(1).max(100).default(6),
  max_transient_failures: z.number().int().min(1).max(100).default(10),
  /** No further GPU job is submitted once the run has cost this much. */
  max_gpu_cost_usd: z.number().min(0).max(MOST_USD).nullable().default(null),
  job_deadline_seconds: z
    .number()
    .int()
    .min(10)
    .max(14 * 86_400)
    .default(6 * 3_600),
});
export type RunConfig = z.infer<typeof runConfigSchema>;

/** Settings that go together. */
export const coherentConfigSchema = runConfigSchema.refine(
  ({ control_job, prompts_per_round = 1 }) => control_job !== "separate" || prompts_per_round === 1,
  {
    path: ["prompts_per_round"],
    message: "must be 1 with control_job separate: prompts side by side share one job",
  },
);

/** What may be asked for now: runs of earlier releases may name a dataset twice. */
export const askedConfigSchema = coherentConfigSchema.refine(
  ({ datasets }) => new Set(datasets).size === datasets.length,
  { path: ["datasets"], message: "must name each dataset once" },
);

const MOST_LABELS = 20;
const plainText = z
  .string()
  .min(1)
  .max(100)
  .refine((text) => !/\p{Cc}/u.test(text), "must hold no control characters");
/** What a user calls a run. */
export const runNameSchema = plainText;
/** Keys are names in a query of MongoDB, so they hold no dot. */
export const runLabelsSchema = z
  .record(
    z
      .string()
      .max(63)
      .regex(/^[A-Za-z][\w-]{0,62}$/, "must be letters, digits, _ and -, a letter first"),
    plainText,
  )
  .refine((labels) => Object.keys(labels).length <= MOST_LABELS, `must be at most ${MOST_LABELS}`)
  .meta({ maxProperties: MOST_LABELS });
export type RunLabels = z.infer<typeof runLabelsSchema>;

const errorRecordSchema = z.object({
  code: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  retryable: z.boolean(),
  phase: z.enum(RUN_PHASES),
});

const usageSchema = z.object({
  gpu_seconds: z.number(),
  gpu_cost_usd: z.number(),
  /** What its jobs under way may yet cost, each at its limit; absent where none is. */
  gpu_reserved_usd: z.number().optional(),
  llm_tokens: z.number().int(),
  llm_cost_usd: z.number(),
});

const time = z.iso.datetime();
const JOB_HOLDS = ["capacity", "quota", "permission", "invalid", "other"] as const;

const postponementSchema = z.object({
  step: z.string(),
  code: errorRecordSchema.shape.code,
  message: z.string(),
  since: time,
  /** Of the next attempt, or of the one under way. */
  try_at: time,
});
export type Postponement = z.infer<typeof postponementSchema>;

export const runDocumentSchema = z.object({
  run_id: z.string().min(1).max(200),
  user_email: z.string().nullable(),
  query: z.string(),
  /** What its user calls it and files it under; absent where nothing was given. */
  name: runNameSchema.optional(),
  labels: runLabelsSchema.optional(),
  config: runConfigSchema,
  random_seed: z.number().int().min(0).max(0xffff_ffff),
  status: z.enum(RUN_STATUSES),
  current_phase: z.enum(RUN_PHASES).nullable(),
  current_iteration: z.number().int().min(0),
  structured_query: structuredQuerySchema.nullable(),
  control_strategy: controlStrategySchema,
  control_strategy_effective: controlStrategySchema.nullable(),
  control_cells_available: z.boolean().nullable(),
  /** What the question was asked of; absent before that is known, and in runs of earlier releases. */
  atlases: z.array(z.object({ dataset: z.string(), simulated: z.boolean() })).optional(),
  /** Jobs that Batch has no machine for yet, and why; absent where no job was ever held. */
  held_jobs: z
    .array(
      z.object({ job_id: z.string(), kind: z.enum(JOB_HOLDS), reason: z.string(), since: time }),
    )
    .optional(),
  grounding_scores: z.array(scoreSchema),
  iterations: z.array(iterationSchema),
  /** The iteration whose predictions are delivered; final_score is its score. */
  delivered_iteration: z.number().int().min(1).nullable(),
  final_score: scoreSchema.nullable(),
  /** That of the delivered iteration; absent in documents of earlier releases. */
  expected_accuracy: expectedAccuracySchema.nullable().optional(),
  termination_reason: z.enum(TERMINATION_REASONS).nullable(),
  error: errorRecordSchema.nullable(),
  error_message: z.string().nullable(),
  output_anndata_path: z.string().nullable(),
  output_report_path: z.string().nullable(),
  output_log_path: z.string().nullable(),
  usage: usageSchema,
  created_at: time,
  started_at: time.nullable(),
  updated_at: time,
  completed_at: time.nullable(),
  /** Why its step begins again later, where a passing fault stopped it; absent elsewhere. */
  postponed: postponementSchema.optional(),
  /** When the files between question and results were removed; absent while they are there. */
  pruned_at: time.optional(),
});
export type RunDocument = z.infer<typeof runDocumentSchema>;
export type RunStatus = RunDocument["status"];
export type RunPhase = (typeof RUN_PHASES)[number];
export type TerminationReason = (typeof TERMINATION_REASONS)[number];
export type Usage = z.infer<typeof usageSchema>;
export type RunErrorRecord = z.infer<typeof errorRecordSchema>;

export interface NewRun {
  readonly run_id: string;
  readonly query: string;
  readonly user_email: string | null;
  readonly name?: string | undefined;
  readonly labels?: RunLabels | undefined;
  readonly config: Partial<RunConfig>;
  readonly random_seed: number;
  readonly now: number;
}

/** Addresses name users, whose identities are in lower case. */
export const userOfAddress = (address: string | null): string | null =>
  address?.toLowerCase() ?? null;

/** The document of a run that waits to begin. */
export function newRun({
  run_id,
  query,
  user_email,
  name,
  labels,
  config,
  random_seed,
  now,
}: NewRun): RunDocument {
  const complete = runConfigSchema.parse(config);
  const created = new Date(now).toISOString();
  return {
    run_id,
    user_email: userOfAddress(user_email),
    query,
    ...given({ name, labels }),
    config: complete,
    random_seed,
    status: "pending",
    current_phase: "pending",
    current_iteration: 0,
    structured_query: null,
    control_strategy: complete.control_strategy,
    control_strategy_effective: null,
    control_cells_available: null,
    grounding_scores: [],
    iterations: [],
    delivered_iteration: null,
    final_score: null,
    expected_accuracy: null,
    termination_reason: null,
    error: null,
    error_message: null,
    output_anndata_path: null,
    output_report_path: null,
    output_log_path: null,
    usage: { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 },
    created_at: created,
    started_at: null,
    updated_at: created,
    completed_at: null,
  };
}

/**
 * Refused as it was taken in: it has no machine, keeps its values as they were written, and no retry
 * runs it.
 */
export const wasRefused = ({
  status,
  error,
  snapshot,
}: {
  readonly status: unknown;
  readonly error?: unknown;
  readonly snapshot: unknown;
}): boolean =>
  status === "failed" &&
  (error as RunErrorRecord | null | undefined)?.code === "CONFIG_INVALID" &&
  (snapshot === null || snapshot === "null");
