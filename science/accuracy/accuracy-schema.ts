import { z } from "zod";

/**
 * How far a prediction from these prompt cells is expected to agree with the measured response
 * (Pearson of the difference of means over all genes), learned by leaving out measured responses of
 * the atlas in turn; or why the atlas cannot tell.
 */
export const expectedAccuracySchema = z.discriminatedUnion("known", [
  z.object({
    known: z.literal(true),
    pearson: z.number(),
    /** 90% interval for one further response. */
    low: z.number(),
    high: z.number(),
    left_out: z.enum(["cell types", "donors"]),
    /** Responses that were left out in turn. */
    responses: z.number().int(),
  }),
  z.object({ known: z.literal(false), reason: z.string() }),
]);
export type ExpectedAccuracy = z.infer<typeof expectedAccuracySchema>;

/**
 * What measured responses of the atlas to the same perturbation score, and what nonsense does, on the
 * raw scale of 1 to 10; or why the atlas cannot tell.
 */
export const plausibilityScaleSchema = z.discriminatedUnion("known", [
  z.object({
    known: z.literal(true),
    /** Raw score of each measured response, one decimal. */
    measured: z.array(z.number()),
    /** Median of measured responses with shuffled genes: calibrated 1. */
    nonsense: z.number(),
    /** What a further measured response scores at least (19 of 20), above 19 of 20 nonsense: 9. */
    least: z.number(),
    /** Mean of the measured responses: 10. */
    usual: z.number(),
    /** False: measured responses scatter down to where nonsense is. */
    apart: z.boolean(),
  }),
  z.object({ known: z.literal(false), reason: z.string() }),
]);
export type PlausibilityScale = z.infer<typeof plausibilityScaleSchema>;

/** What a further iteration may bring; absent where nothing is to be decided. */
export const outlookSchema = z.object({
  /** False: no prompt that is left has a higher expected accuracy. */
  accuracy_may_improve: z.boolean(),
  /** False: the best score is what measured responses of the atlas get, or above. */
  score_may_improve: z.boolean(),
  /** Raw scores of measured responses to the same perturbation; empty: the atlas cannot tell. */
  measured_scores: z.array(z.number()),
});
export type Outlook = z.infer<typeof outlookSchema>;

/** How the built-in baseline carries responses over, and why. */
export const transferSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("delta"), reason: z.string() }),
  z.object({
    kind: z.literal("learned"),
    /** Of the features in science/accuracy/learned-transfer.ts. */
    coefficients: z.array(z.number()),
    /** Measured responses left out in turn; against delta transfer on them: */
    left_out: z.number().int(),
    mse_ratio: z.number(),
    pearson_gain: z.number(),
    /** Greatest loss of Pearson of one of them. */
    most_lost: z.number(),
  }),
]);
export type Transfer = z.infer<typeof transferSchema>;

/** `best`: the learned transfer where it is better inside the atlas; `delta`: never. */
export const TRANSFERS = ["best", "delta"] as const;
