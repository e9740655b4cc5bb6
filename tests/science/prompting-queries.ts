import type { Knowledge } from "../../science/knowledge/knowledge.ts";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";

/** The understood question about a cell type and a perturbation, both named as in the atlas. */
export function askAbout(
  cellType: { readonly label: string; readonly id?: string | null },
  perturbation: { readonly label: string; readonly id?: string | null },
  { knowledge, atlases }: { readonly knowledge: Knowledge; readonly atlases: readonly OpenAtlas[] },
): StructuredQuery {
  const entry = knowledge.perturbations.find(({ id }) => id === perturbation.id);
  const groups = atlases.flatMap(({ index }) => index.groups);
  return {
    task_type: "perturbational",
    cell_type: {
      name: cellType.label,
      cell_ontology_id: cellType.id ?? null,
      matched_text: cellType.label,
      match: "atlas_label",
      atlas_labels: groups.some((group) => group.cell_type === cellType.label)
        ? [cellType.label]
        : [],
    },
    perturbation: {
      id: perturbation.id ?? null,
      name: perturbation.label,
      kind: entry?.kind ?? "unknown",
      external_ids: {},
      matched_text: perturbation.label,
      match: "atlas_label",
      atlas_labels: groups.some((group) => group.perturbation === perturbation.label)
        ? [perturbation.label]
        : [],
      targets: entry?.targets.map(({ gene }) => gene) ?? [],
    },
    expected_targets: [],
    expected_pathways: [],
    dose: null,
    time: null,
    tissue: null,
    donor: null,
    ambiguities: [],
    control_strategy_fallback: null,
    understood_by: "rules",
  };
}
