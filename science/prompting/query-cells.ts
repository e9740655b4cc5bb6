import { HaystackError } from "../../errors.ts";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { isOfContext } from "../query/context-in-atlas.ts";
import { allocateProportionally } from "./mixture.ts";
import type { PromptPlan } from "./prompt-plan.ts";
import { isAskedCellType, isAskedPerturbation } from "./retrieval.ts";

/**
 * Control groups of the asked cell type, all of one data set: mixing data sets would mix their
 * batch effects.
 */
export interface QueryCells {
  readonly atlas: OpenAtlas;
  readonly groups: readonly CellGroup[];
}

const countCells = (groups: readonly CellGroup[]): number =>
  groups.reduce((sum, group) => sum + group.n_cells, 0);

function describeAtlases(atlases: readonly OpenAtlas[]): string {
  const types = new Set(
    atlases.flatMap(({ index }) =>
      index.groups.filter((group) => group.is_control).map((group) => group.cell_type),
    ),
  );
  return types.size === 0
    ? "no control cells at all"
    : `control cells of ${[...types].toSorted().join(", ")}`;
}

/**
 * The data set that holds the asked perturbation wins, then the one with most control cells of the
 * asked type; of the origin that the question names where the atlases tell it. Only the asked
 * donor's groups are taken when the question names one that the data set has. Throws
 * CELL_TYPE_NOT_IN_ATLAS when no control cells of the asked cell type exist.
 */
export function findQueryCells(query: StructuredQuery, atlases: readonly OpenAtlas[]): QueryCells {
  const found = atlases
    .map((atlas) => ({
      atlas,
      groups: atlas.index.groups.filter(
        (group) =>
          group.is_control &&
          group.n_cells > 0 &&
          isAskedCellType(query, group) &&
          isOfContext(query, group),
      ),
    }))
    .filter(({ groups }) => groups.length > 0)
    .map((cells) => ({
      ...cells,
      hasPerturbation: cells.atlas.index.groups.some((group) => isAskedPerturbation(query, group)),
    }))
    .toSorted(
      (x, y) =>
        Number(y.hasPerturbation) - Number(x.hasPerturbation) ||
        countCells(y.groups) - countCells(x.groups),
    );
  const best = found[0];
  if (best === undefined) {
    throw new HaystackError(
      "CELL_TYPE_NOT_IN_ATLAS",
      `No atlas holds control cells of ${query.cell_type.name}; there are ${describeAtlases(atlases)}; ask about one of these, or import an atlas that has it.`,
    );
  }
  const ofDonor = best.groups.filter(
    ({ donor, dataset }) =>
      query.donor !== null && (donor === query.donor || donor === `${dataset}:${query.donor}`),
  );
  return { atlas: best.atlas, groups: ofDonor.length > 0 ? ofDonor : best.groups };
}

/**
 * How many cells of each query group are predicted: all, or `maxCells` in proportion to the group
 * sizes.
 */
export function allocateQueryCells(
  { groups }: QueryCells,
  maxCells: number,
): PromptPlan["query_parts"] {
  const cells = allocateProportionally(
    groups.map((group) => group.n_cells),
    maxCells,
  );
  return groups
    .map((group, i) => ({ group_id: group.group_id, n_cells: cells[i]! }))
    .filter((part) => part.n_cells > 0);
}
