import type { CsrMatrix } from "./anndata.ts";

/**
 * Puts a CSR matrix in canonical form: column indices ascend within a row and occur once (equal
 * ones are added up, as scipy does). Returns null when an index lies outside the columns or the row
 * pointers do not fit.
 */
export function canonicalCsr(matrix: CsrMatrix): CsrMatrix | null {
  const { nRows, nCols, data, indices, indptr } = matrix;
  if (
    indptr.length !== nRows + 1 ||
    indptr[0] !== 0 ||
    indptr[nRows] !== data.length ||
    indices.length !== data.length
  )
    return null;
  let ordered = true;
  for (let row = 0; row < nRows; row += 1) {
    const end = indptr[row + 1] as number;
    let previous = -1;
    if (end < (indptr[row] as number)) return null;
    for (let at = indptr[row] as number; at < end; at += 1) {
      const column = indices[at] as number;
      if (column < 0 || column >= nCols) return null;
      if (column <= previous) ordered = false;
      previous = column;
    }
  }
  return ordered ? matrix : sortRows(matrix);
}

function sortRows({ nRows, nCols, data, indices, indptr }: CsrMatrix): CsrMatrix {
  const sorted = {
    data: new Float32Array(data.length),
    indices: new Int32Array(data.length),
    indptr: new Int32Array(nRows + 1),
  };
  let to = 0;
  for (let row = 0; row < nRows; row += 1) {
    const start = to;
    const order = Array.from(
      { length: (indptr[row + 1] as number) - (indptr[row] as number) },
      (_, i) => (indptr[row] as number) + i,
    );
    for (const from of order.toSorted((a, b) => (indices[a] as number) - (indices[b] as number))) {
      const column = indices[from] as number;
      const value = data[from] as number;
      if (to > start && sorted.indices[to - 1] === column)
        sorted.data[to - 1] = (sorted.data[to - 1] as number) + value;
      else {
        sorted.indices[to] = column;
        sorted.data[to] = value;
        to += 1;
      }
    }
    sorted.indptr[row + 1] = to;
  }
  return {
    nRows,
    nCols,
    data: sorted.data.slice(0, to),
    indices: sorted.indices.slice(0, to),
    indptr: sorted.indptr,
  };
}

/** A dense row-major block as CSR; zeros are left out. */
export function denseToCsr(values: Float32Array, nRows: number, nCols: number): CsrMatrix {
  let stored = 0;
  for (const value of values) if (value !== 0) stored += 1;
  const matrix = {
    nRows,
    nCols,
    data: new Float32Array(stored),
    indices: new Int32Array(stored),
    indptr: new Int32Array(nRows + 1),
  };
  let to = 0;
  for (let row = 0; row < nRows; row += 1) {
    for (let column = 0; column < nCols; column += 1) {
      const value = values[row * nCols + column] as number;
      if (value === 0) continue;
      matrix.indices[to] = column;
      matrix.data[to] = value;
      to += 1;
    }
    matrix.indptr[row + 1] = to;
  }
  return matrix;
}

/** Blocks of consecutive rows put together. */
export function stackRows(blocks: readonly CsrMatrix[], nCols: number): CsrMatrix {
  if (blocks.length === 1 && blocks[0] !== undefined) return blocks[0];
  const nRows = blocks.reduce((total, block) => total + block.nRows, 0);
  const stored = blocks.reduce((total, block) => total + block.data.length, 0);
  const matrix = {
    nRows,
    nCols,
    data: new Float32Array(stored),
    indices: new Int32Array(stored),
    indptr: new Int32Array(nRows + 1),
  };
  let row = 0;
  let at = 0;
  for (const block of blocks) {
    matrix.data.set(block.data, at);
    matrix.indices.set(block.indices, at);
    for (let i = 1; i <= block.nRows; i += 1)
      matrix.indptr[row + i] = at + (block.indptr[i] as number);
    row += block.nRows;
    at += block.data.length;
  }
  return matrix;
}
