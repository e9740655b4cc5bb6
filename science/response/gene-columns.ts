import type { CsrMatrix } from "../anndata/anndata.ts";

/** The non-zero counts of one gene. */
export interface GeneColumn {
  readonly rows: Int32Array;
  readonly counts: Float64Array;
  readonly total: number;
}

/** The non-zero counts; `rows` null: of all cells in order. */
export function compact(rows: Int32Array | null, counts: Float64Array): GeneColumn {
  let length = 0;
  for (let k = 0; k < counts.length; k += 1) if (counts[k]! > 0) length += 1;
  const kept = new Int32Array(length);
  const values = new Float64Array(length);
  let total = 0;
  let at = 0;
  for (let k = 0; k < counts.length; k += 1) {
    const count = counts[k]!;
    if (count <= 0) continue;
    kept[at] = rows === null ? k : rows[k]!;
    values[at] = count;
    total += count;
    at += 1;
  }
  return { rows: kept, counts: values, total };
}

/** Counts of each cell. */
export function sumsOf(X: CsrMatrix): Float64Array {
  const sums = new Float64Array(X.nRows);
  for (let row = 0; row < X.nRows; row += 1)
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) sums[row]! += X.data[k]!;
  return sums;
}

/** By gene, cells in order. */
export function columnsOf(X: CsrMatrix): GeneColumn[] {
  const lengths = new Int32Array(X.nCols);
  for (const gene of X.indices) lengths[gene]! += 1;
  const rows = Array.from(lengths, (length) => new Int32Array(length));
  const counts = Array.from(lengths, (length) => new Float64Array(length));
  const used = new Int32Array(X.nCols);
  for (let row = 0; row < X.nRows; row += 1)
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) {
      const gene = X.indices[k]!;
      rows[gene]![used[gene]!] = row;
      counts[gene]![used[gene]!] = X.data[k]!;
      used[gene]! += 1;
    }
  return rows.map((ofGene, gene) => compact(ofGene, counts[gene]!));
}

/** By cell again, genes in order. */
export function csrOf(columns: readonly GeneColumn[], nRows: number): CsrMatrix {
  const indptr = new Int32Array(nRows + 1);
  for (const { rows } of columns) for (const row of rows) indptr[row + 1]! += 1;
  for (let row = 0; row < nRows; row += 1) indptr[row + 1]! += indptr[row]!;
  const data = new Float32Array(indptr[nRows]!);
  const indices = new Int32Array(indptr[nRows]!);
  const next = indptr.slice();
  columns.forEach(({ rows, counts }, gene) => {
    rows.forEach((row, k) => {
      const at = next[row]!;
      data[at] = counts[k]!;
      indices[at] = gene;
      next[row] = at + 1;
    });
  });
  return { nRows, nCols: columns.length, data, indices, indptr };
}
