import { ontologyDistance } from "../../knowledge/ontology.ts";
import { isAskedCellType, isAskedPerturbation } from "../retrieval.ts";
import type { RetrievalStrategy } from "../retrieval.ts";

/** Same perturbation, other cell types, the nearer in the Cell Ontology the better. */
export const ontology: RetrievalStrategy = {
  name: "ontology",
  propose: ({ query, knowledge, perturbed }) =>
    perturbed
      .filter(({ group }) => isAskedPerturbation(query, group) && !isAskedCellType(query, group))
      .map((located) => {
        const distance = ontologyDistance(
          knowledge,
          query.cell_type.cell_ontology_id,
          located.group.cell_ontology_id,
        );
        // Between 0.8 and 1: the data-driven prior says more about likeness than steps in the
        // ontology do.
        return distance === null
          ? { ...located, match: 0.8, because: "they received the asked perturbation" }
          : {
              ...located,
              match: 0.8 + 0.2 / (1 + distance),
              because: `they received the asked perturbation, and ${located.group.cell_type} is ${distance} ${distance === 1 ? "step" : "steps"} from ${query.cell_type.name} in the Cell Ontology`,
            };
      }),
};
