import { HaystackError } from "../../errors.ts";
import type { Column, CsrMatrix } from "./anndata.ts";
import { columnLabels, frameColumns, readColumn } from "./frame.ts";
import type { Hdf5File } from "./hdf5.ts";
import type { Slot } from "./matrix.ts";
import { toFloat32 } from "./numbers.ts";
import type { H5adFile } from "./h5ad-file.ts";

/**
 * .loom (http://linnarssonlab.org/loompy/format): dense matrices of genes x cells, what is known of
 * genes in row_attrs and of cells in col_attrs.
 */

const FRAMES = { obs: "col_attrs", var: "row_attrs", "raw/var": "row_attrs" } as const;
/** Attributes that name cells and genes, the usual first. */
const NAMES = {
  obs: ["CellID", "obs_names", "cell_id", "cell_names", "Barcode", "barcode"],
  var: ["Gene", "var_names", "gene_names", "gene_name", "Accession", "gene_id"],
} as const;
/** Values read in one go, and the cells that a chunk usually has. */
const READ = 8_000_000;
const CHUNK_CELLS = 64;
const SAMPLE_WINDOWS = 16;
const SAMPLE_VALUES = 65_536;

export const isLoom = (file: Hdf5File): boolean =>
  file.kind("matrix") === "dataset" &&
  file.kind("row_attrs") === "group" &&
  file.kind("col_attrs") === "group";

/** @throws ANNDATA_INVALID where its parts do not fit together */
export function describeLoom(file: Hdf5File): H5adFile {
  const layers = file.kind("layers") === "group" ? file.keys("layers") : [];
  const matrices = ["matrix", ...layers.map((name) => `layers/${name}`)].filter(
    (name) => file.kind(name) === "dataset",
  );
  for (const name of matrices) file.checkSize(name);
  const [nVars = 0, nObs = 0] = file.shape("matrix");
  const names = { obs: nameOf(file, "obs"), var: nameOf(file, "var") };
  const index = {
    obs: indexOf(file, FRAMES.obs, names.obs, nObs),
    var: indexOf(file, FRAMES.var, names.var, nVars),
  };
  const sideOf = (frame: keyof typeof FRAMES) => (frame === "obs" ? "obs" : "var");
  const columns = (frame: keyof typeof FRAMES) =>
    frameColumns(file, FRAMES[frame]).filter(({ name }) => name !== names[sideOf(frame)]);
  const column = (frame: keyof typeof FRAMES, name: string): Column => {
    const values = readColumn(file, FRAMES[frame], name);
    if (values.length === index[sideOf(frame)].length) return values;
    throw invalid(file, `${FRAMES[frame]}/${name} has ${values.length} values`);
  };
  const slots = matrices
    .filter((name) => file.shape(name)[0] === nVars && file.shape(name)[1] === nObs)
    .map((name): Slot => ({
      name: name === "matrix" ? "X" : name,
      layout: "dense",
      nRows: nObs,
      nCols: nVars,
      nStored: nObs * nVars,
    }));
  const rows = (slot: Slot, start: number, stop: number) =>
    cellsOf(file, slot.name === "X" ? "matrix" : slot.name, { start, stop, nGenes: nVars });
  return {
    path: file.path,
    modality: null,
    nObs,
    nVars,
    slots,
    unreadable: [],
    columns,
    index: (frame) => index[sideOf(frame)],
    column,
    frame: (frame) => ({
      index: index[sideOf(frame)],
      columns: Object.fromEntries(
        columns(frame)
          .filter(({ kind }) => kind !== "unsupported")
          .map(({ name }) => [name, column(frame, name)]),
      ),
    }),
    uns: () => ({}),
    unsValue: () => undefined,
    rows,
    *blocks(slot, maxStored = READ) {
      const fit = Math.floor(maxStored / Math.max(1, nVars));
      const step = Math.max(1, fit - (fit > CHUNK_CELLS ? fit % CHUNK_CELLS : 0));
      for (let start = 0; start < nObs; start += step)
        yield { start, X: rows(slot, start, Math.min(nObs, start + step)) };
    },
    sample(slot) {
      const cells = Math.max(1, Math.floor(SAMPLE_VALUES / Math.max(1, nVars)));
      const windows = Math.min(SAMPLE_WINDOWS, Math.ceil(nObs / cells));
      const parts = Array.from({ length: windows }, (_, i) => {
        const start = Math.floor((i * Math.max(0, nObs - cells)) / Math.max(1, windows - 1));
        return rows(slot, start, Math.min(nObs, start + cells)).data;
      });
      return Float32Array.from(parts.flatMap((part) => Array.from(part)));
    },
    close: () => file.close(),
  };
}

const nameOf = (file: Hdf5File, side: keyof typeof NAMES): string | undefined =>
  NAMES[side].find((name) => file.kind(`${FRAMES[side]}/${name}`) === "dataset");

/** Names, or numbers where there are none. */
function indexOf(
  file: Hdf5File,
  group: string,
  name: string | undefined,
  length: number,
): readonly string[] {
  if (name === undefined) return Array.from({ length }, (_, at) => String(at));
  const labels = columnLabels(readColumn(file, group, name)).map((label) => label ?? "");
  if (labels.length === length) return labels;
  throw invalid(file, `${group}/${name} has ${labels.length} values for ${length}`);
}

interface Cells {
  readonly start: number;
  readonly stop: number;
  readonly nGenes: number;
}

/** Cells [start, stop) of a matrix of genes x cells as CSR. */
function cellsOf(file: Hdf5File, path: string, { start, stop, nGenes }: Cells): CsrMatrix {
  const nRows = stop - start;
  const values = toFloat32(file.columnsOf(path, start, stop));
  const indptr = new Int32Array(nRows + 1);
  for (const [at, value] of values.entries())
    if (value !== 0) indptr[(at % nRows) + 1] = (indptr[(at % nRows) + 1] as number) + 1;
  for (let row = 0; row < nRows; row += 1)
    indptr[row + 1] = (indptr[row + 1] as number) + (indptr[row] as number);
  const data = new Float32Array(indptr[nRows] as number);
  const indices = new Int32Array(data.length);
  const next = indptr.slice();
  for (let gene = 0; gene < nGenes; gene += 1)
    for (let row = 0; row < nRows; row += 1) {
      const value = values[gene * nRows + row] as number;
      if (value === 0) continue;
      const at = next[row] as number;
      data[at] = value;
      indices[at] = gene;
      next[row] = at + 1;
    }
  return { nRows, nCols: nGenes, data, indices, indptr };
}

const invalid = (file: Hdf5File, what: string): HaystackError =>
  new HaystackError(
    "ANNDATA_INVALID",
    `${file.path} is a .loom file whose parts do not fit together (${what}); write it again with loompy.`,
  );
