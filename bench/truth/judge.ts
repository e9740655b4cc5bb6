import type { AnnData } from "../../science/anndata/anndata.ts";
import { takeRows } from "../../science/prompting/csr-rows.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { meanProfile } from "../../science/statistics/normalise.ts";
import type { SetCells } from "./cells.ts";
import { meanSquare, rankingFigures, type RankingFigures } from "./references.ts";
import type { Target } from "./sets.ts";

/** A delivered file against the withheld cells. */
export interface Judgement {
  /** Of the predicted change against the controls that the prediction never saw. */
  readonly pearson: number;
  readonly mse: number;
  /** By `rank`, and by |delta| alone. */
  readonly by_rank: RankingFigures;
  readonly by_delta: RankingFigures;
  readonly genes_called: number;
  readonly genes_changed: number;
  readonly genes_per_cell: number;
  readonly genes_per_real_cell: number;
  readonly integer_counts: boolean;
}

/** `queried`: the control cells that were left in the atlas. */
export function judge(
  file: AnnData,
  cells: SetCells,
  target: Target,
  {
    queried,
    truth,
    changed,
  }: {
    readonly queried: Int32Array;
    readonly truth: Float64Array;
    readonly changed: readonly boolean[];
  },
): Judgement {
  const origin = file.obs.columns["origin"] as readonly string[];
  const rows = Int32Array.from(origin.keys()).filter((row) => origin[row] === "prediction");
  const made = takeRows(file.X, rows);
  const at = new Map(file.var.index.map((gene, i) => [gene, i]));
  const place = cells.genes.map((gene) => {
    const found = at.get(gene);
    if (found === undefined) throw new Error(`${gene} is not in the delivered file.`);
    return found;
  });
  const before = cells.profile(queried);
  const after = meanProfile(made);
  const delta = Float64Array.from(place, (gene, i) => after[gene]! - before[i]!);
  const column = (name: string): Float64Array => {
    const values = file.var.columns[name] as ArrayLike<number | boolean>;
    return Float64Array.from(place, (gene) => Number(values[gene]!));
  };
  const treated = takeRows(cells.adata.X, cells.treated(target));
  return {
    pearson: pearson(delta, truth),
    mse: meanSquare(delta, truth),
    by_rank: rankingFigures(
      column("rank").map((rank) => -rank),
      changed,
    ),
    by_delta: rankingFigures(delta.map(Math.abs), changed),
    genes_called: column("is_de").reduce((sum, flag) => sum + flag, 0),
    genes_changed: changed.filter(Boolean).length,
    genes_per_cell: made.data.length / made.nRows,
    genes_per_real_cell: treated.data.filter((count) => count > 0).length / treated.nRows,
    integer_counts: made.data.every(Number.isInteger),
  };
}
