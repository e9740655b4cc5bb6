import type { CsrMatrix } from "../anndata/anndata.ts";

/** Library size that log-normalised values are scaled to: counts per ten thousand. */
export const CP10K = 1e4;

/** Most counts of a cell are below this: their logarithms are computed once a cell. */
const SMALL_COUNTS = 16;

/** Sum of each row. */
export function librarySizes(X: CsrMatrix): Float64Array {
  const sizes = new Float64Array(X.nRows);
  for (let row = 0; row < X.nRows; row += 1) {
    let sum = 0;
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) sum += X.data[k]!;
    sizes[row] = sum;
  }
  return sizes;
}

/**
 * log1p(counts / library size * 1e4), cells x genes, sharing `indices` and `indptr` with the input.
 * Values are rounded to float32, so that equal ratios stay equal and rank tests see the ties. Rows
 * without counts stay zero.
 */
export function logNormalise(X: CsrMatrix): CsrMatrix {
  const sizes = librarySizes(X);
  const data = new Float32Array(X.data.length);
  const known = new Float64Array(SMALL_COUNTS);
  for (let row = 0; row < X.nRows; row += 1) {
    const scale = sizes[row]! > 0 ? sizes[row]! / CP10K : 1;
    known.fill(0);
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) {
      const count = X.data[k]!;
      const small = count < SMALL_COUNTS && Number.isInteger(count);
      const value = small && known[count]! > 0 ? known[count]! : Math.log1p(count / scale);
      if (small) known[count] = value;
      data[k] = value;
    }
  }
  return { nRows: X.nRows, nCols: X.nCols, data, indices: X.indices, indptr: X.indptr };
}

/** Mean of each column, zeros included; all zero for a matrix without rows. */
export function columnMeans(X: CsrMatrix): Float64Array {
  const means = new Float64Array(X.nCols);
  for (let k = 0; k < X.data.length; k += 1) means[X.indices[k]!]! += X.data[k]!;
  if (X.nRows > 0) for (let col = 0; col < X.nCols; col += 1) means[col]! /= X.nRows;
  return means;
}

/** Mean over cells of log1p(CP10k), one value a gene. */
export function meanProfile(counts: CsrMatrix): Float64Array {
  return columnMeans(logNormalise(counts));
}

/**
 * The stored non-zero values of each column, ascending within a column: values[starts[c] ..
 * starts[c + 1]].
 */
export interface SortedColumns {
  readonly values: Float32Array;
  readonly starts: Float64Array;
}

/**
 * Column-wise sorted non-zero values of a CSR matrix, without row numbers: what rank statistics
 * need.
 */
export function sortedColumns(X: CsrMatrix): SortedColumns {
  const starts = new Float64Array(X.nCols + 1);
  for (let k = 0; k < X.data.length; k += 1) if (X.data[k] !== 0) starts[X.indices[k]! + 1]! += 1;
  for (let col = 0; col < X.nCols; col += 1) starts[col + 1]! += starts[col]!;
  const values = new Float32Array(starts[X.nCols]!);
  const next = starts.slice();
  for (let k = 0; k < X.data.length; k += 1) {
    if (X.data[k] === 0) continue;
    const col = X.indices[k]!;
    values[next[col]!] = X.data[k]!;
    next[col]! += 1;
  }
  // Non-negative floats are ordered as their bit patterns are, and integers sort twice as fast.
  const sortable = values.some((value) => value < 0) ? values : new Uint32Array(values.buffer);
  for (let col = 0; col < X.nCols; col += 1) sortable.subarray(starts[col], starts[col + 1]).sort();
  return { values, starts };
}
