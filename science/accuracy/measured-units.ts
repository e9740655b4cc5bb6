import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { pooledProfile } from "../prompting/control-similarity.ts";
import type { LocatedGroup } from "../prompting/retrieval.ts";
import type { ControlHalves } from "./control-halves.ts";

/** A response of fewer cells on a side is mostly noise. */
export const LEAST_CELLS = 10;
/** The responses of most cells; more cost time and hardly narrow an interval. */
const MOST_UNITS = 40;

/** What predicts others: a response and the controls to compare. */
export interface Source {
  readonly control: Float64Array;
  /** Difference from these controls. */
  readonly delta: Float64Array;
  /** Cells that the difference is worth. */
  readonly cells: number;
}

/** A measured response that can be left out: of a cell type, or of a donor within it. */
export interface Unit extends Source {
  readonly cellType: string;
  /** Null: of all donors. */
  readonly donor: string | null;
  /** Mean profile of the half of the controls that stands for the query. */
  readonly query: Float64Array;
  /** Difference from the other half: what a prediction is held against. */
  readonly truth: Float64Array;
}

const countCells = (groups: readonly CellGroup[]): number =>
  groups.reduce((sum, { n_cells }) => sum + n_cells, 0);

/**
 * The units of measured groups of one atlas, those of most cells first. Groups whose controls are
 * not at hand in halves are left out, and so are units of few cells.
 */
export function measuredUnits(
  atlas: OpenAtlas,
  measured: readonly LocatedGroup[],
  byDonor: boolean,
  halves: ControlHalves,
): Unit[] {
  const usable = measured.filter(({ control }) => control !== null && halves.has(control.group_id));
  return [
    ...Map.groupBy(usable, ({ group }) =>
      JSON.stringify([group.cell_type, byDonor ? group.donor : null]),
    ).values(),
  ]
    .flatMap((members) => {
      const source = sourceOf(atlas, members);
      if (source === null || source.least < LEAST_CELLS) return [];
      const { controls, control, delta, cells } = source;
      const truth = pooledHalf(controls, halves, 1);
      const { cell_type: cellType, donor } = members[0]!.group;
      return [
        {
          cellType,
          donor: byDonor ? donor : null,
          control,
          delta,
          cells,
          query: pooledHalf(controls, halves, 0),
          truth: delta.map((value, gene) => value + control[gene]! - truth[gene]!),
        },
      ];
    })
    .toSorted((a, b) => b.cells - a.cells)
    .slice(0, MOST_UNITS);
}

/** The response of groups together; null without controls. */
export function sourceOf(
  atlas: OpenAtlas,
  members: readonly LocatedGroup[],
): (Source & { readonly controls: readonly CellGroup[]; readonly least: number }) | null {
  const treated = members.map(({ group }) => group);
  const controls = [...new Set(members.flatMap(({ control }) => control ?? []))];
  if (controls.length === 0) return null;
  const control = pooledProfile(atlas, controls);
  const sides = [countCells(treated), countCells(controls)] as const;
  return {
    controls,
    control,
    delta: pooledProfile(atlas, treated).map((value, gene) => value - control[gene]!),
    cells: 2 / (1 / sides[0] + 1 / sides[1]),
    least: Math.min(...sides),
  };
}

function pooledHalf(
  controls: readonly CellGroup[],
  halves: ControlHalves,
  which: 0 | 1,
): Float64Array {
  const total = countCells(controls);
  const pooled = new Float64Array(halves.get(controls[0]!.group_id)![which].length);
  for (const { group_id, n_cells } of controls)
    halves.get(group_id)![which].forEach((value, gene) => {
      pooled[gene]! += (n_cells / total) * value;
    });
  return pooled;
}
