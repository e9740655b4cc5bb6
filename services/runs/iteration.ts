import { z } from "zod";
import "../../zod-words.ts";
import { MODEL_ROLES } from "../../science/query/structured-query.ts";
import {
  expectedAccuracySchema,
  outlookSchema,
  plausibilityScaleSchema,
  transferSchema,
} from "../../science/accuracy/accuracy-schema.ts";
import { PROMPT_STRATEGIES } from "../../science/prompting/prompt-plan.ts";

/** What a run document says of an iteration. */

export const scoreSchema = z.number().int().min(1).max(10);

/** What a job predicts: `prediction` and `control`, of further prompts `prediction-2` and so on. */
export const pairNameSchema = z.string().regex(/^(?:prediction|control)(?:-\d+)?$/);

/** One prompt, why it was chosen, and how its prediction did. */
const triedPromptSchema = z.object({
  candidate_id: z.string(),
  prompt_strategy: z.enum(PROMPT_STRATEGIES),
  prompt_rationale: z.string(),
  prompt_cells: z.number().int(),
  score: scoreSchema,
  /** The score before it was read against measured responses, and what these get; absent earlier. */
  raw_score: scoreSchema.optional(),
  scale: plausibilityScaleSchema.optional(),
  component_scores: z.record(z.string(), z.number().nullable()),
  confidence: z.enum(["normal", "lower"]),
  /** What the score says, after "The predicted response"; absent in documents of earlier releases. */
  verdict: z.string().optional(),
  /** That the answer lies measured in the atlas, where it does: it is read, not predicted. */
  reading: z.string().optional(),
  /** The perturbation of the prompt cells, where it stands in for the asked one. */
  stand_in: z.string().optional(),
  /** What else was done to some of the prompt cells and not to others; absent where nothing was. */
  pooled: z.array(z.string()).readonly().optional(),
  /** How the built-in baseline carried the response over; absent of other models, and earlier. */
  transfer: transferSchema.optional(),
  /** Absent in documents of earlier releases. */
  expected_accuracy: expectedAccuracySchema.optional(),
  feedback: z.array(z.string()),
});

export const iterationSchema = triedPromptSchema.extend({
  iteration: z.number().int().min(1),
  query_cells: z.number().int(),
  /**
   * All prompts of the iteration, where it tried several side by side, in the order of their ranking;
   * the one with the iteration's candidate_id counts, and the fields beside are its. `prediction` and
   * `control` name its pairs in the job.
   */
  prompts: z
    .array(
      triedPromptSchema.extend({
        prediction: pairNameSchema,
        control: pairNameSchema.nullable(),
      }),
    )
    .optional(),
  /**
   * Where a mixture counts: the predictions of the round that it is of, in equal shares, and what is
   * expected of the best of them alone. candidate_id is then none of the prompts', and the fields
   * beside are the mixture's.
   */
  mixture: z
    .object({ predictions: z.array(pairNameSchema), alone: expectedAccuracySchema })
    .optional(),
  /** What predicted; absent in runs of earlier releases. */
  model: z.object({ name: z.string(), is_baseline: z.boolean() }).optional(),
  /** Predictions that were not made again, and where they were made; absent where all were made. */
  found_predictions: z
    .array(
      z.object({
        prediction: pairNameSchema,
        run_id: z.string(),
        iteration: z.number().int().min(1),
      }),
    )
    .optional(),
  /** Where a language model was asked and did not decide, and why. */
  model_problems: z.array(z.object({ role: z.enum(MODEL_ROLES), problem: z.string() })).optional(),
  /** Absent in documents of earlier releases. */
  outlook: outlookSchema.optional(),
  top_genes: z.array(z.object({ gene: z.string(), log2_fold_change: z.number() })),
  enriched_pathways: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      direction: z.enum(["up", "down"]),
      p_adjusted: z.number(),
      /** Its page in its database; null where none is known, absent in earlier releases. */
      url: z.string().nullable().optional(),
    }),
  ),
});
export type IterationSummary = z.infer<typeof iterationSchema>;
/** A prompt of several that an iteration tried. */
export type TriedPrompt = NonNullable<IterationSummary["prompts"]>[number];
