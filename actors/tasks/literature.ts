import {
  articleNames as namesInArticles,
  literatureSearch,
} from "../../science/grounding/literature-subjects.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WithKnowledge } from "./places.ts";

/** The tasks that say what to look for in the literature. */

/**
 * What to look for in the literature, from the question and the genes that a prediction moves most.
 */
export async function literatureSubjects(
  input: WithKnowledge & {
    readonly structured_query: StructuredQuery;
    readonly top_genes: Evaluation["top_genes"];
  },
): Promise<ReturnType<typeof literatureSearch>> {
  return literatureSearch(input.structured_query, input.top_genes, loadKnowledge(input.knowledge));
}

/** By which names to look for articles on the question. */
export async function articleNames(
  input: WithKnowledge & { readonly structured_query: StructuredQuery },
): Promise<ReturnType<typeof namesInArticles>> {
  return namesInArticles(input.structured_query, loadKnowledge(input.knowledge));
}
