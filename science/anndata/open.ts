import { HaystackError } from "../../errors.ts";
import type { FrameColumn } from "./frame.ts";
import { frameColumns, frameIndex, readColumn, readFrame } from "./frame.ts";
import type { Hdf5File } from "./hdf5.ts";
import { openHdf5 } from "./hdf5.ts";
import type { FrameName, H5adFile } from "./h5ad-file.ts";
import { describeLoom, isLoom } from "./loom.ts";
import type { RowBlock, Slot } from "./matrix.ts";
import { listSlots, readBlocks, readRows, sampleValues } from "./matrix.ts";
import { readUns, readUnsValue } from "./uns.ts";
import { chooseModality, isMuData, sharedObs } from "./mudata.ts";
import { describeTenx, isTenx } from "./tenx.ts";
import { notAnnData } from "./what-file.ts";
import { NOT_STORED } from "./zarr-folder.ts";

export type { FrameColumn, H5adFile, RowBlock, Slot };

/**
 * Opens an AnnData file (anndata 0.7 and later; CSR, CSC or dense; gzip, lzf, zstd, blosc, lz4), or
 * one modality of a MuData file, the RNA unless another is named; also .loom and .h5 of Cell Ranger.
 * @throws FILE_NOT_FOUND, FILE_NOT_HDF5, FILE_DAMAGED, ANNDATA_INVALID, ANNDATA_UNSUPPORTED
 */
export async function openH5ad(path: string, modality?: string): Promise<H5adFile> {
  const file = await openHdf5(path);
  try {
    if (isMuData(file)) return describeModality(file, chooseModality(file, modality));
    if (modality === undefined) return describeAny(file);
    throw new HaystackError(
      "ANNDATA_INVALID",
      `${path} has no modalities, as it is not MuData (.h5mu); leave --modality out.`,
    );
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

function describeAny(file: Hdf5File): H5adFile {
  if (file.kind("obs") !== null) return describe(file);
  if (isLoom(file)) return describeLoom(file);
  if (isTenx(file)) return describeTenx(file);
  throw notAnnData(file);
}

/** The modality as AnnData, its obs with the columns that the file has for all modalities. */
function describeModality(file: Hdf5File, modality: string): H5adFile {
  const own = describe(file.below(`mod/${modality}`));
  const shared = sharedObs(file, modality, own.index("obs"));
  const isShared = (frame: FrameName, name: string): boolean =>
    frame === "obs" && shared.columns.some((column) => column.name === name);
  const columns = (frame: FrameName) =>
    frame === "obs" ? [...own.columns("obs"), ...shared.columns] : own.columns(frame);
  const column = (frame: FrameName, name: string) =>
    isShared(frame, name) ? shared.column(name) : own.column(frame, name);
  return {
    ...own,
    modality,
    notStored: (part) =>
      own.notStored?.(part) ?? (part.startsWith("obs/") ? notStored(file, part) : undefined),
    columns,
    column,
    frame: (frame) => ({
      index: own.index(frame),
      columns: Object.fromEntries(columns(frame).map(({ name }) => [name, column(frame, name)])),
    }),
  };
}

function notStored(file: Hdf5File, part: string): string | undefined {
  const isGroup = file.kind(part) === "group";
  for (const path of isGroup ? [`${part}/codes`, `${part}/values`] : [part]) {
    const found = file.kind(path) === "dataset" ? file.attribute(path, NOT_STORED) : undefined;
    if (typeof found === "string" && !isOfOneLabel(file, part)) return found;
  }
  return undefined;
}

/** A column of one label has no other codes than zeros. */
function isOfOneLabel(file: Hdf5File, part: string): boolean {
  const labels = `${part}/categories`;
  if (file.kind(part) !== "group" || file.kind(labels) === null) return false;
  const values = file.kind(labels) === "group" ? `${labels}/values` : labels;
  return file.shape(values)[0] === 1;
}

function describe(file: Hdf5File): H5adFile {
  const index = new Map<FrameName, readonly string[]>();
  const indexOf = (frame: FrameName): readonly string[] => {
    const known = index.get(frame) ?? frameIndex(file, frame);
    index.set(frame, known);
    return known;
  };
  const nObs = indexOf("obs").length;
  const nVars = indexOf("var").length;
  const { slots, unreadable } = listSlots(file, (name) => [
    nObs,
    name === "raw/X" ? indexOf("raw/var").length : nVars,
  ]);
  return {
    path: file.path,
    modality: null,
    nObs,
    nVars,
    slots,
    unreadable,
    notStored: (part) => notStored(file, part),
    columns: (frame) => frameColumns(file, frame),
    index: indexOf,
    column: (frame, name) => readColumn(file, frame, name),
    frame: (frame) => readFrame(file, frame),
    uns: () => readUns(file),
    unsValue: (name) => readUnsValue(file, name),
    rows: (slot, start, stop) => readRows(file, slot, start, stop),
    blocks: (slot, maxStored, wanted) => readBlocks(file, slot, maxStored, wanted),
    sample: (slot) => sampleValues(file, slot),
    close: () => file.close(),
  };
}
