import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { CsrMatrix } from "../anndata/anndata.ts";

/** Bytes read back in one go; a cell is never split. */
const PIECE = 64 * 1024 * 1024;

/**
 * A scratch file for the external sort of the cells by group: written block by block in source order,
 * read back group by group. One record a cell: its gene indices (int32), then its counts (float32).
 * Within a block the records lie ordered by group, so that a group is read in as many pieces as it
 * has blocks.
 */
export class CellScratch {
  readonly #file: number;
  readonly #offsets: Float64Array;
  readonly #lengths: Int32Array;
  #end = 0;

  constructor(path: string, nCells: number) {
    this.#file = openSync(path, "w+");
    this.#offsets = new Float64Array(nCells);
    this.#lengths = new Int32Array(nCells);
  }

  /** Adds the cells of one block; `rows` are their source rows, in the order of the matrix. */
  add(rows: Int32Array, cells: CsrMatrix, groupOf: Int32Array): void {
    const buffer = new ArrayBuffer(cells.data.length * 8);
    const order = Array.from(rows.keys()).toSorted(
      (a, b) => groupAt(groupOf, rows, a) - groupAt(groupOf, rows, b) || a - b,
    );
    let at = 0;
    for (const cell of order) {
      const start = cells.indptr[cell] as number;
      const stop = cells.indptr[cell + 1] as number;
      const row = rows[cell] as number;
      this.#offsets[row] = this.#end + at;
      this.#lengths[row] = stop - start;
      new Int32Array(buffer, at, stop - start).set(cells.indices.subarray(start, stop));
      new Float32Array(buffer, at + (stop - start) * 4, stop - start).set(
        cells.data.subarray(start, stop),
      );
      at += (stop - start) * 8;
    }
    for (let written = 0; written < at;)
      written += writeSync(
        this.#file,
        new Uint8Array(buffer, written, at - written),
        0,
        at - written,
        this.#end + written,
      );
    this.#end += at;
  }

  /** The cells of these source rows as one matrix, in that order. */
  read(rows: readonly number[], nGenes: number): CsrMatrix {
    const indptr = new Int32Array(rows.length + 1);
    for (const [cell, row] of rows.entries())
      indptr[cell + 1] = (indptr[cell] as number) + (this.#lengths[row] as number);
    const stored = indptr[rows.length] as number;
    const matrix = {
      nRows: rows.length,
      nCols: nGenes,
      data: new Float32Array(stored),
      indices: new Int32Array(stored),
      indptr,
    };
    for (let cell = 0; cell < rows.length;) {
      const start = this.#offsets[rows[cell] as number] as number;
      let stop = start;
      let next = cell;
      while (
        next < rows.length &&
        stop - start <= PIECE &&
        this.#offsets[rows[next] as number] === stop
      ) {
        stop += (this.#lengths[rows[next] as number] as number) * 8;
        next += 1;
      }
      const piece = this.#bytes(start, stop - start);
      for (; cell < next; cell += 1) {
        const at = (this.#offsets[rows[cell] as number] as number) - start;
        const length = this.#lengths[rows[cell] as number] as number;
        matrix.indices.set(new Int32Array(piece, at, length), indptr[cell]);
        matrix.data.set(new Float32Array(piece, at + length * 4, length), indptr[cell]);
      }
    }
    return matrix;
  }

  close(): void {
    closeSync(this.#file);
  }

  #bytes(start: number, length: number): ArrayBuffer {
    const buffer = new ArrayBuffer(length);
    for (let read = 0; read < length;) {
      const got = readSync(
        this.#file,
        new Uint8Array(buffer, read),
        0,
        length - read,
        start + read,
      );
      if (got === 0)
        throw new Error(
          "The temporary file of the import is incomplete; free disk space and import again.",
        );
      read += got;
    }
    return buffer;
  }
}

function groupAt(groupOf: Int32Array, rows: Int32Array, cell: number): number {
  return groupOf[rows[cell] as number] as number;
}
