import { transferCorrection } from "../../science/accuracy/learned-transfer.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { withCorrection } from "../../science/inference/delta-transfer.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import {
  considerPrompts,
  type ChoosePromptOptions,
} from "../../science/prompting/choose-prompt.ts";
import { drawCells, SPLIT_COLUMN } from "../../science/prompting/draw-cells.ts";
import type { PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import { perturbedGroups } from "../../science/prompting/retrieval.ts";
import { semanticTexts, type SemanticTexts } from "../../science/prompting/strategies/semantic.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { openAll, type AtlasPlace, type WithKnowledge } from "./places.ts";

/** The tasks that choose the cells of a prompt and write them. */

export async function prompt(
  input: Omit<ChoosePromptOptions, "atlases" | "knowledge"> &
    WithKnowledge & { readonly places: readonly AtlasPlace[] },
): Promise<ReturnType<typeof considerPrompts>> {
  const { places, knowledge, ...options } = input;
  return considerPrompts({
    ...options,
    atlases: await openAll(places),
    knowledge: loadKnowledge(knowledge),
  });
}

/** What an embedding model is to compare for a prompt. */
export async function semanticTextsOf(
  input: WithKnowledge & {
    readonly query: StructuredQuery;
    readonly places: readonly AtlasPlace[];
  },
): Promise<SemanticTexts> {
  return semanticTexts(
    input.query,
    perturbedGroups(await openAll(input.places)),
    loadKnowledge(input.knowledge),
  );
}

export interface DrawInput {
  readonly places: readonly AtlasPlace[];
  readonly parts: readonly { readonly group_id: string; readonly n_cells: number }[];
  readonly seed: number;
  readonly output: string;
  /** For the prompt of a learned transfer. */
  readonly learned?: {
    readonly query: StructuredQuery;
    readonly chosen: PromptCandidate;
    readonly coefficients: readonly number[];
  };
}

export async function draw({ places, parts, seed, output, learned }: DrawInput): Promise<void> {
  const atlases = await openAll(places);
  const cells = await drawCells({ parts, atlases, seed, splitColumn: SPLIT_COLUMN });
  const correction =
    learned === undefined
      ? null
      : transferCorrection(learned.query, learned.chosen, atlases, learned.coefficients);
  await writeH5ad(output, correction === null ? cells : withCorrection(cells, correction));
}
