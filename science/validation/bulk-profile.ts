import type { CsrMatrix } from "../anndata/anndata.ts";

/** Counts that a bulk profile is scaled to, as cell-eval2's vcc2026 preset has it. */
const BULK_TOTAL = 50_000;

/** All cells of a group as one sample. */
export interface BulkProfile {
  /** log1p(50,000 x sum of the gene / sum of all genes). */
  readonly profile: Float64Array;
  /**
   * Squared error of the profile, summed over genes: the jackknife over cells. 0 where fewer than two
   * cells tell nothing of it.
   */
  readonly squaredError: number;
}

/**
 * The profile and its error as cell-eval2 0.20.0 computes them (bulk_lognorm_means,
 * jackknife_correction), in double precision. `X`: counts.
 */
export function bulkProfile(X: CsrMatrix): BulkProfile {
  const sums = new Float64Array(X.nCols);
  const sizes = new Float64Array(X.nRows);
  let total = 0;
  for (let row = 0; row < X.nRows; row += 1)
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) {
      sums[X.indices[k]!]! += X.data[k]!;
      sizes[row]! += X.data[k]!;
      total += X.data[k]!;
    }
  const profile = sums.map((sum) => (total > 0 ? Math.log1p((BULK_TOTAL / total) * sum) : 0));
  const squaredError =
    X.nRows < 2 || total <= 0 ? 0 : jackknife(X, { sums, sizes, total, profile });
  return { profile, squaredError };
}

interface Whole {
  readonly sums: Float64Array;
  readonly sizes: Float64Array;
  readonly total: number;
  readonly profile: Float64Array;
}

/** (n - 1) / n times the squared deviations of the profiles that lack one cell, over all genes. */
function jackknife(X: CsrMatrix, { sums, sizes, total, profile }: Whole): number {
  const n = X.nRows;
  const sum = new Float64Array(X.nCols);
  const squares = new Float64Array(X.nCols);
  const left = new Float64Array(X.nCols);
  for (let row = 0; row < n; row += 1) {
    left.set(sums);
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) left[X.indices[k]!]! -= X.data[k]!;
    const rest = total - sizes[row]!;
    for (let gene = 0; gene < X.nCols; gene += 1) {
      const value = rest > 0 ? Math.log1p((BULK_TOTAL * left[gene]!) / rest) : 0;
      const deviation = value - profile[gene]!;
      sum[gene]! += deviation;
      squares[gene]! += deviation * deviation;
    }
  }
  let error = 0;
  for (let gene = 0; gene < X.nCols; gene += 1) error += squares[gene]! - sum[gene]! ** 2 / n;
  return Math.max(0, ((n - 1) / n) * error);
}
