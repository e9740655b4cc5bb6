import { z } from "zod";
import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { directionSchema, type StructuredQuery } from "./structured-query.ts";

/**
 * What a language model may say of a question: ids, labels and symbols that exist, and words of the
 * question.
 */
const understoodSchema = z.strictObject({
  cell_type: z.strictObject({
    cell_ontology_id: z.string().nullable(),
    atlas_label: z.string().nullable(),
    matched_text: z.string(),
  }),
  perturbation: z.strictObject({
    id: z.string().nullable(),
    atlas_label: z.string().nullable(),
    gene: z.strictObject({ symbol: z.string(), effect: z.enum(["loss", "gain"]) }).nullable(),
    matched_text: z.string(),
  }),
  expected_targets: z.array(
    z.strictObject({ gene: z.string(), direction: directionSchema, reason: z.string() }),
  ),
  expected_pathways: z.array(
    z.strictObject({ id: z.string(), direction: directionSchema, reason: z.string() }),
  ),
  dose: z.string().nullable(),
  time: z.string().nullable(),
  tissue: z.string().nullable(),
  donor: z.string().nullable(),
  other_cell_types: z.array(z.string()),
  other_perturbations: z.array(z.string()),
});
export const modelChoiceSchema = z.strictObject({
  understood: understoodSchema.nullable(),
  /** Why not, when it is no question about cells under a perturbation. */
  not_understood_because: z.string().nullable(),
});
export type ModelChoice = z.infer<typeof modelChoiceSchema>;
export type Understood = z.infer<typeof understoodSchema>;

export interface ChoiceContext {
  readonly question: string;
  /** What the rules read; null when they did not understand. */
  readonly draft: StructuredQuery | null;
  readonly atlases: readonly AtlasIndex[];
  readonly knowledge: Knowledge;
  readonly model: string;
}
