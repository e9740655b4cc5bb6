import type { Column, CsrMatrix, DataFrame, UnsValue } from "./anndata.ts";
import type { FrameColumn } from "./frame.ts";
import type { RowBlock, Slot, UnreadableSlot, Wanted } from "./matrix.ts";

export type FrameName = "obs" | "var" | "raw/var";

/**
 * An .h5ad file opened for reading in slices. Close it when done; nothing of a matrix is read
 * before it is asked for.
 */
export interface H5adFile {
  readonly path: string;
  /** Of a MuData file; null for AnnData. */
  readonly modality: string | null;
  /** Why cells have no labels and what to do, where files of this kind have none. */
  readonly unlabelled?: string;
  readonly nObs: number;
  /** Genes of X and the layers; raw/X may have others. */
  readonly nVars: number;
  readonly slots: readonly Slot[];
  /** Matrices that are there and cannot be read. */
  readonly unreadable: readonly UnreadableSlot[];
  /**
   * Of a zarr folder: how many chunks of a slot, or of a column ("obs/cell_type"), are not there and
   * were read as zeros, as "3 of 20". Undefined: none, as in files of any other kind.
   */
  notStored?(part: string): string | undefined;
  columns(frame: FrameName): readonly FrameColumn[];
  index(frame: FrameName): readonly string[];
  column(frame: FrameName, name: string): Column;
  frame(frame: FrameName): DataFrame;
  uns(): Record<string, UnsValue>;
  /** One entry of uns ("log1p/base"), nothing else of it; undefined where it cannot be read. */
  unsValue(path: string): UnsValue | undefined;
  /** Rows [start, stop) of a slot as canonical CSR float32. */
  rows(slot: Slot, start: number, stop: number): CsrMatrix;
  /**
   * All rows of a slot in order, in blocks of at most `maxStored` values, so that memory stays
   * bounded. Blocks without any of the rows `wanted` may be left out.
   */
  blocks(slot: Slot, maxStored?: number, wanted?: Wanted): Iterable<RowBlock>;
  /** At most about a million stored values from evenly spaced places. */
  sample(slot: Slot): Float32Array;
  close(): void;
}
