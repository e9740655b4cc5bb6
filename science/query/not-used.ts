import type { AtlasIndex, CellGroup } from "../atlas/atlas-index.ts";
import { amountsOf } from "./nearest-amount.ts";
import type { NotUsed, StructuredQuery } from "./structured-query.ts";

/**
 * What the question states and no cells are chosen by: a dose or time where the atlases tell none
 * apart, a tissue that did not narrow the cell type, and a donor that gave no control cells of it.
 */
export function notUsed(
  { dose, time, tissue, donor, context = [], cell_type, perturbation }: StructuredQuery,
  atlases: readonly AtlasIndex[],
): NotUsed[] {
  const treated = atlases.flatMap(({ groups }) => groups).filter(({ is_control }) => !is_control);
  const own = treated.filter((group) => perturbation.atlas_labels.includes(group.perturbation));
  const groups = own.length > 0 ? own : treated;
  const narrowed =
    tissue === null ||
    cell_type.name.toLowerCase().includes(tissue.toLowerCase()) ||
    context.some(({ kind, name, chose }) => kind === "tissue" && name === tissue && chose !== null);
  const isThere = ({ donor: known, dataset }: CellGroup): boolean =>
    known === donor || known === `${dataset}:${donor}`;
  const hasDonor =
    donor === null ||
    atlases.some(({ groups: all }) =>
      all.some(
        (group) =>
          group.is_control && cell_type.atlas_labels.includes(group.cell_type) && isThere(group),
      ),
    );
  return [
    ...(dose !== null && amountsOf(groups, "dose").length === 0 ? (["dose"] as const) : []),
    ...(time !== null && amountsOf(groups, "time").length === 0 ? (["time"] as const) : []),
    ...(narrowed ? [] : (["tissue"] as const)),
    ...(hasDonor ? [] : (["donor"] as const)),
  ];
}
