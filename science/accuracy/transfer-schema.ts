import { z } from "zod";

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
