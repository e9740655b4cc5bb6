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

/** What a further iteration may bring; absent where nothing is to be decided. */
export const outlookSchema = z.object({
  /** False: no prompt that is left has a higher expected accuracy. */
  accuracy_may_improve: z.boolean(),
  /** False: the best score is that of measured responses of the atlas, or above. */
  score_may_improve: z.boolean(),
  /** Grounding scores of measured responses to the same perturbation; empty: not asked for. */
  measured_scores: z.array(z.number()),
});
export type Outlook = z.infer<typeof outlookSchema>;
