import type { OpenAtlas } from "../science/atlas/atlas-index.ts";
import type { Knowledge, PerturbationEntry } from "../science/knowledge/knowledge.ts";

/** What the bench asks about: the answers to withhold, and others that are right or wrong beside them. */
export interface Target {
  readonly cellType: string;
  readonly perturbation: string;
}

/**
 * Cell types and perturbations with other cell types to predict them from, spread evenly over the
 * atlas.
 */
export function chooseTargets({ index }: OpenAtlas, most: number): Target[] {
  const perturbed = index.groups.filter(
    ({ is_control, control_group_id }) => !is_control && control_group_id !== null,
  );
  const all = [
    ...new Map(
      perturbed.map(({ cell_type: cellType, perturbation }) => [
        `${cellType} ${perturbation}`,
        { cellType, perturbation },
      ]),
    ).values(),
  ];
  const usable = all.filter(
    ({ perturbation }) =>
      new Set(
        perturbed
          .filter((group) => group.perturbation === perturbation)
          .map(({ cell_type }) => cell_type),
      ).size > 2,
  );
  const step = Math.max(1, usable.length / most);
  return Array.from(
    { length: Math.min(most, usable.length) },
    (_, i) => usable[Math.floor(i * step)]!,
  );
}

export function typesWith({ index }: OpenAtlas, { cellType, perturbation }: Target): string[] {
  const others = index.groups.filter(
    (group) =>
      !group.is_control &&
      group.control_group_id !== null &&
      group.perturbation === perturbation &&
      group.cell_type !== cellType,
  );
  return [...new Set(others.map(({ cell_type }) => cell_type))];
}

/**
 * Perturbations of the same cells that share neither mechanism nor expected pathway nor a quarter
 * of the expected genes.
 */
export function unrelatedLabels(
  { index }: OpenAtlas,
  knowledge: Knowledge,
  { cellType, perturbation }: Target,
): string[] {
  const entryOf = (label: string): PerturbationEntry | undefined => {
    const id = index.groups.find((group) => group.perturbation === label)?.perturbation_id;
    return knowledge.perturbations.find((entry) => entry.id === id);
  };
  const own = entryOf(perturbation);
  const labels = [
    ...new Set(
      index.groups
        .filter(
          (group) =>
            !group.is_control && group.control_group_id !== null && group.cell_type === cellType,
        )
        .map((group) => group.perturbation),
    ),
  ];
  return labels.filter((label) => {
    const other = entryOf(label);
    if (
      label === perturbation ||
      own === undefined ||
      other === undefined ||
      own.mechanism === other.mechanism
    )
      return false;
    const genes = new Set(other.response.map(({ gene }) => gene));
    const shared =
      own.response.filter(({ gene }) => genes.has(gene)).length / Math.max(1, own.response.length);
    return (
      shared < 0.25 &&
      !own.pathways.some(({ id }) => other.pathways.some((pathway) => pathway.id === id))
    );
  });
}
