import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { CsrMatrix } from "../anndata/anndata.ts";

/** Stored values that are read back in one go; a cell is never split. */
const PIECE = 8_000_000;
/** Records begin at multiples of it, so that typed arrays can lie over them. */
const ALIGNED = 4;

type Whole = Uint8Array | Uint16Array | Int32Array;
type WholeType = new (buffer: ArrayBuffer, offset: number, length: number) => Whole;

/** Bytes of one count: counts of 2^24 and more are kept as floats, as they came. */
type Width = 1 | 2 | 4;

const COUNTS = { 1: Uint8Array, 2: Uint16Array, 4: Float32Array } as const;

/** What the cells of a shard need: how many values, and how wide the widest count is. */
export interface Extent {
  readonly stored: number;
  readonly width: Width;
}

/**
 * A scratch file for the external sort of the cells by group: written block by block in source order,
 * read back group by group. One record a cell: its gene indices, then its counts, both as narrow as
 * they may be. Within a block the records lie ordered by group, so that a group is read in as many
 * pieces as it has blocks.
 */
export class CellScratch {
  readonly #file: number;
  readonly #offsets: Float64Array;
  readonly #lengths: Int32Array;
  readonly #widths: Uint8Array;
  readonly #nGenes: number;
  readonly #Index: WholeType;
  readonly #indexWidth: 2 | 4;
  #end = 0;

  constructor(path: string, nCells: number, nGenes: number) {
    this.#file = openSync(path, "w+");
    this.#offsets = new Float64Array(nCells);
    this.#lengths = new Int32Array(nCells);
    this.#widths = new Uint8Array(nCells).fill(1);
    this.#nGenes = nGenes;
    [this.#Index, this.#indexWidth] = nGenes <= 0xffff ? [Uint16Array, 2] : [Int32Array, 4];
  }

  /** Adds the cells of one block; `rows` are their source rows, in the order of the matrix. */
  add(rows: Int32Array, cells: CsrMatrix, groupOf: Int32Array): void {
    const order = Array.from(rows.keys()).toSorted(
      (a, b) => groupAt(groupOf, rows, a) - groupAt(groupOf, rows, b) || a - b,
    );
    let bytes = 0;
    for (const cell of order) {
      const row = rows[cell] as number;
      const [start, stop] = [cells.indptr[cell] as number, cells.indptr[cell + 1] as number];
      this.#offsets[row] = this.#end + bytes;
      this.#lengths[row] = stop - start;
      this.#widths[row] = widthOf(cells.data, start, stop);
      bytes += this.#bytesOf(row);
    }
    const buffer = new ArrayBuffer(bytes);
    for (const cell of order) {
      const { indices, counts } = this.#record(buffer, this.#end, rows[cell] as number);
      const [start, stop] = [cells.indptr[cell] as number, cells.indptr[cell + 1] as number];
      indices.set(cells.indices.subarray(start, stop));
      counts.set(cells.data.subarray(start, stop));
    }
    for (let written = 0; written < bytes;)
      written += writeSync(
        this.#file,
        new Uint8Array(buffer, written),
        0,
        bytes - written,
        this.#end + written,
      );
    this.#end += bytes;
  }

  /** What the cells of these source rows need together. */
  extent(rows: Int32Array): Extent {
    let stored = 0;
    let width = 1;
    for (const row of rows) {
      stored += this.#lengths[row] as number;
      width = Math.max(width, this.#widths[row] as number);
    }
    return { stored, width: width as Width };
  }

  /** The cells of these source rows in that order, in matrices that memory holds. */
  *read(rows: Int32Array): Generator<CsrMatrix> {
    for (let first = 0; first < rows.length;) {
      let last = first;
      let stored = 0;
      do {
        stored += this.#lengths[rows[last] as number] as number;
        last += 1;
      } while (
        last < rows.length &&
        stored + (this.#lengths[rows[last] as number] as number) <= PIECE
      );
      yield this.#matrix(rows.subarray(first, last), stored);
      first = last;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #matrix(rows: Int32Array, stored: number): CsrMatrix {
    const matrix = {
      nRows: rows.length,
      nCols: this.#nGenes,
      data: new Float32Array(stored),
      indices: new Int32Array(stored),
      indptr: new Int32Array(rows.length + 1),
    };
    let at = 0;
    for (let cell = 0; cell < rows.length;) {
      const start = this.#offsets[rows[cell] as number] as number;
      let stop = start;
      let next = cell;
      for (; next < rows.length && this.#offsets[rows[next] as number] === stop; next += 1)
        stop += this.#bytesOf(rows[next] as number);
      const piece = this.#bytes(start, stop - start);
      for (; cell < next; cell += 1) {
        const { indices, counts } = this.#record(piece, start, rows[cell] as number);
        matrix.indices.set(indices, at);
        matrix.data.set(counts, at);
        at += counts.length;
        matrix.indptr[cell + 1] = at;
      }
    }
    return matrix;
  }

  #bytesOf(row: number): number {
    const length = this.#lengths[row] as number;
    return aligned(length * this.#indexWidth) + aligned(length * (this.#widths[row] as number));
  }

  /** The record of a row in a buffer that begins at `from` in the file. */
  #record(
    buffer: ArrayBuffer,
    from: number,
    row: number,
  ): { readonly indices: Whole; readonly counts: Uint8Array | Uint16Array | Float32Array } {
    const at = (this.#offsets[row] as number) - from;
    const length = this.#lengths[row] as number;
    return {
      indices: new this.#Index(buffer, at, length),
      counts: new COUNTS[this.#widths[row] as Width](
        buffer,
        at + aligned(length * this.#indexWidth),
        length,
      ),
    };
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

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNED) * ALIGNED;

function widthOf(counts: Float32Array, start: number, stop: number): Width {
  let most = 0;
  for (let at = start; at < stop; at += 1) most = Math.max(most, counts[at] as number);
  return most <= 0xff ? 1 : most <= 0xffff ? 2 : 4;
}

function groupAt(groupOf: Int32Array, rows: Int32Array, cell: number): number {
  return groupOf[rows[cell] as number] as number;
}
