import type { CsrMatrix } from "../anndata/anndata.ts";

/**
 * Mean over cells of log1p(counts / library size * 1e4), one value a gene. Cells without counts add
 * zero.
 */
export function meanProfile({ nRows, nCols, data, indices, indptr }: CsrMatrix): Float32Array {
  const sums = new Float64Array(nCols);
  for (let row = 0; row < nRows; row += 1) {
    const start = indptr[row] as number;
    const stop = indptr[row + 1] as number;
    let library = 0;
    for (let at = start; at < stop; at += 1) library += data[at] as number;
    if (library === 0) continue;
    const scale = 1e4 / library;
    for (let at = start; at < stop; at += 1) {
      const gene = indices[at] as number;
      sums[gene] = (sums[gene] as number) + Math.log1p((data[at] as number) * scale);
    }
  }
  return Float32Array.from(sums, (sum) => sum / Math.max(1, nRows));
}
