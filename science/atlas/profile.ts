import type { CsrMatrix } from "../anndata/anndata.ts";

/** Counts up to this are most of a cell's; their logarithms are computed once a cell. */
const FEW = 32;

/**
 * Mean over cells of log1p(counts / library size * 1e4), one value a gene, of cells that come in
 * pieces. Cells without counts add zero.
 */
export class MeanProfile {
  readonly #sums: Float64Array;
  readonly #logs = new Float64Array(FEW);
  #cells = 0;

  constructor(nGenes: number) {
    this.#sums = new Float64Array(nGenes);
  }

  add({ nRows, data, indices, indptr }: CsrMatrix): void {
    const sums = this.#sums;
    const logs = this.#logs;
    this.#cells += nRows;
    for (let row = 0; row < nRows; row += 1) {
      const start = indptr[row] as number;
      const stop = indptr[row + 1] as number;
      let library = 0;
      for (let at = start; at < stop; at += 1) library += data[at] as number;
      if (library === 0) continue;
      const scale = 1e4 / library;
      for (let count = 0; count < FEW; count += 1) logs[count] = Math.log1p(count * scale);
      for (let at = start; at < stop; at += 1) {
        const gene = indices[at] as number;
        const count = data[at] as number;
        sums[gene] = (sums[gene] as number) + (logs[count] ?? Math.log1p(count * scale));
      }
    }
  }

  mean(): Float32Array {
    const cells = Math.max(1, this.#cells);
    return new Float32Array(this.#sums.map((sum) => sum / cells));
  }
}

/** The mean profile of a matrix. */
export function meanProfile(cells: CsrMatrix): Float32Array {
  const profile = new MeanProfile(cells.nCols);
  profile.add(cells);
  return profile.mean();
}
