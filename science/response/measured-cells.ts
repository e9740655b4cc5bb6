import type { AnnData } from "../anndata/anndata.ts";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { drawCells } from "../prompting/draw-cells.ts";
import { twoSidedNormalP } from "../statistics/special-functions.ts";
import { CHANGE_THRESHOLDS } from "./expected-changes.ts";

/** Cells read of one group: a mean over more is not known better than its group stands for others. */
export const MOST_CELLS = 1_000;

/** The cells of measured groups, each group once, drawn where there are more than `most` of one. */
export const drawGroups = (
  groups: readonly CellGroup[],
  atlases: readonly OpenAtlas[],
  seed: number,
  most = MOST_CELLS,
): Promise<AnnData> =>
  drawCells({
    parts: [...new Set(groups)].map(({ group_id, n_cells }) => ({
      group_id,
      n_cells: Math.min(n_cells, most),
    })),
    atlases,
    seed,
  });

/** The least p that the rank-sum test gives: every treated cell above every control cell. */
const leastP = (treated: number, control: number): number =>
  twoSidedNormalP(Math.sqrt((3 * treated * control) / (treated + control + 1)));

/** Whether so many cells can call a lone one of so many genes changed. */
export const canTellChange = (treated: number, control: number, genes: number): boolean =>
  leastP(treated, control) * genes < CHANGE_THRESHOLDS.maxAdjustedP;
