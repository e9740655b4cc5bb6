import type { CsrMatrix } from "../anndata/anndata.ts";

/** The chosen rows, in the order given. */
export function takeRows({ nCols, data, indices, indptr }: CsrMatrix, rows: Int32Array): CsrMatrix {
  const starts = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    starts[i + 1] = starts[i]! + indptr[row + 1]! - indptr[row]!;
  });
  const taken = {
    nRows: rows.length,
    nCols,
    data: new Float32Array(starts.at(-1)!),
    indices: new Int32Array(starts.at(-1)!),
    indptr: starts,
  };
  rows.forEach((row, i) => {
    taken.data.set(data.subarray(indptr[row], indptr[row + 1]), starts[i]);
    taken.indices.set(indices.subarray(indptr[row], indptr[row + 1]), starts[i]);
  });
  return taken;
}

/** The same rows with column c as `columns[c]` (-1: left out), ascending again within each row. */
export function renumberColumns(X: CsrMatrix, columns: Int32Array, nCols: number): CsrMatrix {
  const data = new Float32Array(X.data.length);
  const indices = new Int32Array(X.data.length);
  const indptr = new Int32Array(X.nRows + 1);
  let used = 0;
  for (let row = 0; row < X.nRows; row += 1) {
    const entries: [column: number, count: number][] = [];
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) {
      const column = columns[X.indices[k]!]!;
      if (column >= 0) entries.push([column, X.data[k]!]);
    }
    for (const [column, count] of entries.toSorted(([a], [b]) => a - b)) {
      indices[used] = column;
      data[used] = count;
      used += 1;
    }
    indptr[row + 1] = used;
  }
  return {
    nRows: X.nRows,
    nCols,
    data: data.subarray(0, used),
    indices: indices.subarray(0, used),
    indptr,
  };
}

/** All rows of all matrices. */
export function stackRows(matrices: readonly CsrMatrix[], nCols: number): CsrMatrix {
  const nRows = matrices.reduce((sum, matrix) => sum + matrix.nRows, 0);
  const nonZeros = matrices.reduce((sum, matrix) => sum + matrix.data.length, 0);
  const stacked = {
    nRows,
    nCols,
    data: new Float32Array(nonZeros),
    indices: new Int32Array(nonZeros),
    indptr: new Int32Array(nRows + 1),
  };
  let row = 0;
  let used = 0;
  for (const matrix of matrices) {
    stacked.data.set(matrix.data, used);
    stacked.indices.set(matrix.indices, used);
    for (let r = 1; r <= matrix.nRows; r += 1) stacked.indptr[row + r] = used + matrix.indptr[r]!;
    row += matrix.nRows;
    used += matrix.data.length;
  }
  return stacked;
}
