import { HaystackError } from "../../errors.ts";
import type { CsrMatrix } from "./anndata.ts";
import { checkPointers, checkSomePointers } from "./compressed.ts";
import { cscRowEnds, readCscRows, type RowRange } from "./csc.ts";
import { canonicalCsr, denseToCsr } from "./csr.ts";
import type { Hdf5File } from "./hdf5.ts";
import { toFloat32, toFloat64, toIndices } from "./numbers.ts";
import { UNREADABLE } from "./zarr-folder.ts";

/**
 * A matrix of cells x genes in the file: "X", "raw/X" or "layers/{name}". `nStored` counts the
 * stored values.
 */
export interface Slot {
  readonly name: string;
  readonly layout: "csr" | "csc" | "dense";
  readonly nRows: number;
  readonly nCols: number;
  readonly nStored: number;
}

/** Rows [start, start + X.nRows) of a slot. */
export interface RowBlock {
  readonly start: number;
  readonly X: CsrMatrix;
}

/** Whether any of the rows [start, stop) is of use. */
export type Wanted = (start: number, stop: number) => boolean;

/** Values read from HDF5 in one go: 32 MB of float32. */
const READ = 8_000_000;
/**
 * A CSC matrix is read through once per block of rows, so its blocks are larger (8 bytes a value).
 */
const CSC_BLOCK = 48_000_000;
const SAMPLE_WINDOWS = 16;
const SAMPLE_WINDOW = 65_536;

/** A matrix that cannot be read, and why. */
export interface UnreadableSlot {
  readonly name: string;
  readonly error: HaystackError;
}

/**
 * The matrices of a file. `sizeOf` gives the cells and genes that a slot of this name must have.
 * What cannot be read is listed, not thrown: nobody may need it.
 */
export function listSlots(
  file: Hdf5File,
  sizeOf: (name: string) => readonly [cells: number, genes: number],
): { readonly slots: readonly Slot[]; readonly unreadable: readonly UnreadableSlot[] } {
  const layers =
    file.kind("layers") === "group" ? file.keys("layers").map((name) => `layers/${name}`) : [];
  const slots: Slot[] = [];
  const unreadable: UnreadableSlot[] = [];
  for (const name of ["X", "raw/X", ...layers]) {
    // anndata also writes a null in place of raw.
    if (name.includes("/") && file.kind(name.split("/")[0] ?? name) !== "group") continue;
    if (file.kind(name) === null) continue;
    try {
      slots.push(checkedSlot(file, name, sizeOf));
    } catch (thrown) {
      if (!(thrown instanceof HaystackError)) throw thrown;
      unreadable.push({ name, error: thrown });
    }
  }
  return { slots, unreadable };
}

function checkedSlot(
  file: Hdf5File,
  name: string,
  sizeOf: (name: string) => readonly [cells: number, genes: number],
): Slot {
  const slot = describeSlot(file, name);
  const [cells, genes] = sizeOf(name);
  if (slot.nRows !== cells || slot.nCols !== genes)
    throw new HaystackError(
      "ANNDATA_INVALID",
      `${name} in ${file.path} is ${slot.nRows} x ${slot.nCols}, but there are ${cells} cells and ${genes} genes; write the file again with anndata.`,
    );
  file.checkNumbers(slot.layout === "dense" ? name : `${name}/data`);
  return slot;
}

/** @throws ANNDATA_INVALID for what is no matrix of cells x genes */
export function describeSlot(file: Hdf5File, name: string): Slot {
  if (file.attribute(name, "encoding-type") === "null")
    throw invalid(
      file,
      name,
      "is empty (null)",
      `put a matrix there (adata.X = adata.layers["counts"]) and write the file again`,
    );
  const why = file.attribute(name, UNREADABLE);
  if (typeof why === "string")
    throw new HaystackError(
      "ANNDATA_UNSUPPORTED",
      `${name} in ${file.path} cannot be read (${why}); write it again with numbers of 8 to 64 bits and a usual compression.`,
    );
  if (file.kind(name) === "dataset") {
    const [nRows = 0, nCols = 0, ...rest] = file.shape(name);
    if (rest.length > 0 || file.shape(name).length < 2)
      throw invalid(file, name, "is not a table of cells x genes");
    file.checkSize(name);
    return { name, layout: "dense", nRows, nCols, nStored: nRows * nCols };
  }
  const encoding =
    file.attribute(name, "encoding-type") ??
    `${String(file.attribute(name, "h5sparse_format"))}_matrix`;
  const shape = file.attribute(name, "shape") ?? file.attribute(name, "h5sparse_shape");
  if ((encoding !== "csr_matrix" && encoding !== "csc_matrix") || !Array.isArray(shape))
    throw invalid(file, name, "is neither CSR, CSC nor dense");
  const [nRows, nCols] = shape.map(Number) as [number, number];
  const slot: Slot = {
    name,
    layout: encoding === "csr_matrix" ? "csr" : "csc",
    nRows,
    nCols,
    nStored: file.shape(`${name}/data`)[0] ?? 0,
  };
  const pointers = (slot.layout === "csr" ? nRows : nCols) + 1;
  if (
    file.shape(`${name}/indptr`)[0] !== pointers ||
    file.shape(`${name}/indices`)[0] !== slot.nStored
  )
    throw invalid(file, name, "has parts of different lengths");
  return slot;
}

/**
 * Rows [start, stop) as CSR, canonical. Reads only these rows from CSR and dense slots, and all of
 * a CSC slot in slices.
 */
export function readRows(file: Hdf5File, slot: Slot, start: number, stop: number): CsrMatrix {
  const ends = slot.layout === "csc" ? cscRowEnds(file, slot) : new Float64Array(0);
  return rowsBetween(file, slot, { start, stop }, ends);
}

/**
 * All rows in order, in blocks of at most `maxStored` stored values (at least one row). Memory
 * stays bounded by it. Blocks that are not wanted are left out and not read.
 */
export function* readBlocks(
  file: Hdf5File,
  slot: Slot,
  maxStored: number = slot.layout === "csc" ? CSC_BLOCK : READ,
  wanted: Wanted = () => true,
): Generator<RowBlock> {
  const ends = rowEnds(file, slot);
  for (let start = 0; start < slot.nRows;) {
    let stop = start + 1;
    while (stop < slot.nRows && (ends[stop + 1] as number) - (ends[start] as number) <= maxStored)
      stop += 1;
    if (wanted(start, stop)) yield { start, X: rowsBetween(file, slot, { start, stop }, ends) };
    start = stop;
  }
}

function rowEnds(file: Hdf5File, slot: Slot): Float64Array {
  if (slot.layout === "csc") return cscRowEnds(file, slot);
  if (slot.layout === "csr") {
    const ends = toFloat64(file.numbers(`${slot.name}/indptr`));
    checkPointers(file, slot, ends);
    return ends;
  }
  return Float64Array.from({ length: slot.nRows + 1 }, (_, row) => row * slot.nCols);
}

function rowsBetween(
  file: Hdf5File,
  slot: Slot,
  { start, stop }: RowRange,
  ends: Float64Array,
): CsrMatrix {
  if (slot.layout === "dense")
    return denseToCsr(toFloat32(file.numbers(slot.name, start, stop)), stop - start, slot.nCols);
  const matrix = canonicalCsr(
    slot.layout === "csr"
      ? readCsrRows(file, slot, start, stop)
      : readCscRows(file, slot, { start, stop }, ends),
  );
  if (matrix === null) throw invalid(file, slot.name, "has indices outside its shape");
  return matrix;
}

/**
 * Stored values from evenly spaced places, at most about a million: what kind of numbers a slot
 * holds.
 */
export function sampleValues(file: Hdf5File, slot: Slot): Float32Array {
  const path = slot.layout === "dense" ? slot.name : `${slot.name}/data`;
  const perItem = slot.layout === "dense" ? Math.max(1, slot.nCols) : 1;
  const items = slot.nStored / perItem;
  const window = Math.max(1, Math.floor(SAMPLE_WINDOW / perItem));
  const windows = Math.min(SAMPLE_WINDOWS, Math.ceil(items / window));
  const parts = Array.from({ length: windows }, (_, i) => {
    const start = windows === 1 ? 0 : Math.floor((i * (items - window)) / (windows - 1));
    return toFloat32(file.numbers(path, Math.max(0, start), Math.min(items, start + window)));
  });
  const sample = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let to = 0;
  for (const part of parts) {
    sample.set(part, to);
    to += part.length;
  }
  return sample;
}

function readCsrRows(file: Hdf5File, slot: Slot, start: number, stop: number): CsrMatrix {
  const { name, nCols } = slot;
  const pointers = toFloat64(file.numbers(`${name}/indptr`, start, stop + 1));
  checkSomePointers(file, slot, pointers, { isFirst: start === 0, isLast: stop === slot.nRows });
  const first = pointers[0] ?? 0;
  const last = pointers.at(-1) ?? 0;
  return {
    nRows: stop - start,
    nCols,
    data: toFloat32(file.numbers(`${name}/data`, first, last)),
    indices: asInt32(toIndices(file.numbers(`${name}/indices`, first, last))),
    indptr: Int32Array.from(pointers, (pointer) => pointer - first),
  };
}

function invalid(
  file: Hdf5File,
  name: string,
  why: string,
  advice = "write the file again with a current anndata",
): HaystackError {
  return new HaystackError("ANNDATA_INVALID", `${name} in ${file.path} ${why}; ${advice}.`);
}

const asInt32 = (values: Int32Array | Float64Array): Int32Array =>
  values instanceof Int32Array ? values : new Int32Array(values);
