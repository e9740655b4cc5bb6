import type { Knowledge } from "../../science/knowledge/knowledge.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import type { Overview } from "./overview.ts";

/**
 * What the knowledge knows of the cell types and perturbations that the atlases hold, made once for
 * each overview. A search in the whole of an imported ontology would take a second of the event
 * loop.
 */
export function namesIn(folder: string): (held: Overview) => Knowledge {
  const made = new WeakMap<Overview, Knowledge>();
  return (held) => {
    const known = made.get(held);
    if (known !== undefined) return known;
    const { cellTypes, perturbations } = loadKnowledge(folder);
    const ids = new Set<string | null>([
      ...held.cell_types.map(({ cell_ontology_id }) => cell_ontology_id),
      ...held.perturbations.map(({ perturbation_id }) => perturbation_id),
    ]);
    const names: Knowledge = {
      cellTypes: cellTypes.filter(({ id }) => ids.has(id)),
      perturbations: perturbations.filter(({ id }) => ids.has(id)),
      pathways: [],
    };
    made.set(held, names);
    return names;
  };
}
