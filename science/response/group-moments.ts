import type { AnnData } from "../anndata/anndata.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { logNormalise } from "../statistics/normalise.ts";

/**
 * What the cells of one group say of each gene asked for, in its order; NaN for a gene that the
 * group's file lacks.
 */
export interface Moments {
  readonly cells: number;
  /** Mean log1p(CP10k). */
  readonly mean: Float64Array;
  /** Sum of squared deviations from that mean. */
  readonly squares: Float64Array;
}

/** The moments of each group that obs `group_id` names; of all cells together under "". */
export function momentsByGroup(
  adata: AnnData,
  genes: readonly string[],
): ReadonlyMap<string, Moments> {
  const groups = adata.obs.columns["group_id"] as readonly string[] | undefined;
  const log = logNormalise(adata.X);
  const places = placesOf(adata.var.index, genes);
  const sums = new Map<string, Sums>();
  for (let row = 0; row < log.nRows; row += 1)
    for (const name of new Set([groups?.[row] ?? "", ""])) {
      const own = sums.get(name) ?? emptySums(log.nCols);
      sums.set(name, own);
      own.cells += 1;
      for (let k = log.indptr[row]!; k < log.indptr[row + 1]!; k += 1) {
        const value = log.data[k]!;
        own.sum[log.indices[k]!]! += value;
        own.squares[log.indices[k]!]! += value * value;
      }
    }
  return new Map(
    sums.entries().map(([name, { cells, sum, squares }]) => {
      const mean = Float64Array.from(places, (at) => (at === -1 ? Number.NaN : sum[at]! / cells));
      return [
        name,
        {
          cells,
          mean,
          squares: Float64Array.from(places, (at, gene) =>
            at === -1 ? Number.NaN : Math.max(0, squares[at]! - cells * mean[gene]! ** 2),
          ),
        },
      ] as const;
    }),
  );
}

/** Of the cells of several groups together (Chan, Golub and LeVeque 1979). */
export function pooledMoments(groups: readonly Moments[]): Moments {
  const cells = groups.reduce((sum, group) => sum + group.cells, 0);
  const mean = groups[0]!.mean.map((_, gene) =>
    groups.reduce((sum, group) => sum + (group.cells / cells) * group.mean[gene]!, 0),
  );
  return {
    cells,
    mean,
    squares: mean.map((value, gene) =>
      groups.reduce(
        (sum, group) => sum + group.squares[gene]! + group.cells * (group.mean[gene]! - value) ** 2,
        0,
      ),
    ),
  };
}

/**
 * The variance of each gene within groups, pooled over them, with the mean of all genes' variances
 * as one degree of freedom more (a prior of unit information, Kass and Wasserman 1995), so that a
 * gene that a few cells show alike is not taken for one that never varies. Infinite where no group
 * has two cells, or no gene of them varies: then nothing is known.
 */
export function pooledVariance(groups: readonly Moments[]): Float64Array {
  const freedom = groups.reduce((sum, { cells }) => sum + Math.max(0, cells - 1), 0);
  const squares = groups[0]!.squares.map((_, gene) =>
    groups.reduce((sum, group) => sum + group.squares[gene]!, 0),
  );
  const measured = squares.filter((value) => !Number.isNaN(value));
  const usual = measured.reduce((sum, value) => sum + value, 0) / (measured.length * freedom);
  return usual > 0
    ? squares.map((value) => (value + usual) / (freedom + 1))
    : squares.map((value) => (Number.isNaN(value) ? value : Infinity));
}

/**
 * The variance of a gene in one group: that of its cells and of one more cell, whose squared
 * deviation is `pooled`.
 */
export function varianceOf(group: Moments, pooled: Float64Array): Float64Array {
  return pooled.map((usual, gene) => (group.squares[gene]! + usual) / group.cells);
}

interface Sums {
  cells: number;
  readonly sum: Float64Array;
  readonly squares: Float64Array;
}

const emptySums = (genes: number): Sums => ({
  cells: 0,
  sum: new Float64Array(genes),
  squares: new Float64Array(genes),
});

/** Where each gene asked for is in `index`, -1 where it is not; of equal symbols the first. */
export function placesOf(index: readonly string[], genes: readonly string[]): Int32Array {
  const position = new Map<string, number>();
  index.forEach((gene, i) => {
    const symbol = geneSymbol(gene);
    if (!position.has(symbol)) position.set(symbol, i);
  });
  return Int32Array.from(genes, (gene) => position.get(geneSymbol(gene)) ?? -1);
}
