import type { PromptStrategy } from "../prompt-plan.ts";
import type { RetrievalStrategy } from "../retrieval.ts";
import { direct } from "./direct.ts";
import { mechanistic } from "./mechanistic.ts";
import { ontology } from "./ontology.ts";
import { semantic } from "./semantic.ts";

/**
 * In order of trust: where two strategies propose the same cells, the earlier one names the
 * candidate.
 */
const IN_ORDER_OF_TRUST: Readonly<Record<PromptStrategy, RetrievalStrategy>> = {
  direct,
  ontology,
  mechanistic,
  semantic,
};

export const ALL_STRATEGIES: readonly RetrievalStrategy[] = Object.values(IN_ORDER_OF_TRUST);
