import { HaystackError } from "../../errors.ts";
import type { CsrMatrix } from "./anndata.ts";
import { checkPointers } from "./compressed.ts";
import type { Hdf5File } from "./hdf5.ts";
import { toFloat32, toFloat64, toIndices } from "./numbers.ts";

/** A CSC matrix of nRows x nCols at `name` in the file. */
interface CscSlot {
  readonly name: string;
  readonly nRows: number;
  readonly nCols: number;
  readonly nStored: number;
}

/** Values read from HDF5 in one go. */
const READ = 8_000_000;

/**
 * For each row the number of values stored in the rows before it, nRows + 1 entries; reads all row
 * indices in slices.
 */
export function cscRowEnds(file: Hdf5File, slot: CscSlot): Float64Array {
  const ends = new Float64Array(slot.nRows + 1);
  for (let from = 0; from < slot.nStored; from += READ) {
    for (const row of toIndices(
      file.numbers(`${slot.name}/indices`, from, Math.min(slot.nStored, from + READ)),
    )) {
      if (row < 0 || row >= slot.nRows) {
        throw new HaystackError(
          "ANNDATA_INVALID",
          `${slot.name} in ${file.path} has indices outside its shape; write the file again with a current anndata.`,
        );
      }
      ends[row + 1] = (ends[row + 1] as number) + 1;
    }
  }
  for (let row = 0; row < slot.nRows; row += 1)
    ends[row + 1] = (ends[row + 1] as number) + (ends[row] as number);
  return ends;
}

/** Rows [start, stop). */
export interface RowRange {
  readonly start: number;
  readonly stop: number;
}

/**
 * Rows of a CSC matrix as CSR: streams over all columns and keeps the values of these
 * rows.
 */
export function readCscRows(
  file: Hdf5File,
  slot: CscSlot,
  { start, stop }: RowRange,
  ends: Float64Array,
): CsrMatrix {
  const nRows = stop - start;
  const indptr = Int32Array.from(
    ends.subarray(start, stop + 1),
    (end) => end - (ends[start] as number),
  );
  const data = new Float32Array(indptr[nRows] as number);
  const indices = new Int32Array(data.length);
  const next = indptr.slice();
  const columnEnds = toFloat64(file.numbers(`${slot.name}/indptr`));
  checkPointers(file, slot, columnEnds);
  let column = 0;
  for (let from = 0; from < slot.nStored; from += READ) {
    const to = Math.min(slot.nStored, from + READ);
    const rows = toIndices(file.numbers(`${slot.name}/indices`, from, to));
    const values = toFloat32(file.numbers(`${slot.name}/data`, from, to));
    for (let i = 0; i < rows.length; i += 1) {
      while (from + i >= (columnEnds[column + 1] ?? Infinity)) column += 1;
      const row = (rows[i] as number) - start;
      if (row < 0 || row >= nRows) continue;
      const at = next[row] as number;
      data[at] = values[i] as number;
      indices[at] = column;
      next[row] = at + 1;
    }
  }
  return { nRows, nCols: slot.nCols, data, indices, indptr };
}
