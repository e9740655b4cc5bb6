import { isAskedCellType, isAskedPerturbation } from "../retrieval.ts";
import type { RetrievalStrategy } from "../retrieval.ts";

/** Same perturbation, same cell type. */
export const direct: RetrievalStrategy = {
  name: "direct",
  propose: ({ query, perturbed }) =>
    perturbed
      .filter(({ group }) => isAskedPerturbation(query, group) && isAskedCellType(query, group))
      .map((located) => ({
        ...located,
        match: 1,
        because: "they are the asked cell type under the asked perturbation itself",
      })),
};
