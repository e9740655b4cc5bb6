import { HaystackError } from "../../errors.ts";
import { renumberColumns } from "../prompting/csr-rows.ts";
import type { CsrMatrix } from "./anndata.ts";
import type { FrameColumn } from "./frame.ts";
import type { Hdf5File } from "./hdf5.ts";
import { readBlocks, readRows, sampleValues, type Slot } from "./matrix.ts";
import type { H5adFile } from "./h5ad-file.ts";
import { tenxLine } from "./what-file.ts";

/**
 * .h5 of Cell Ranger: counts of genes x cells, compressed by cell, with barcodes and features and no
 * labels of cells
 * (https://www.10xgenomics.com/support/software/cell-ranger/latest/analysis/outputs/cr-outputs-h5-matrices).
 * Genes alone are read where other features were measured, as scanpy does.
 */

const GENES = "Gene Expression";

/** Where the names of the features are, before Cell Ranger 3 and since. */
interface Layout {
  readonly group: string;
  readonly id: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** Groups of a matrix, one a genome before Cell Ranger 3. */
const matrixGroups = (file: Hdf5File): string[] =>
  file
    .keys("")
    .filter((key) =>
      ["barcodes", "data", "indices", "indptr", "shape"].every(
        (part) => file.kind(key) === "group" && file.kind(`${key}/${part}`) === "dataset",
      ),
    );

export const isTenx = (file: Hdf5File): boolean => matrixGroups(file).length > 0;

function layoutOf(file: Hdf5File): Layout {
  const [group = "", ...more] = matrixGroups(file);
  if (more.length > 0)
    throw new HaystackError(
      "ANNDATA_INVALID",
      `${file.path} is a 10x .h5 file of several genomes (${[group, ...more].join(", ")}); choose one: ${tenxLine(file.path, group)}.`,
    );
  const features = `${group}/features`;
  if (file.kind(features) !== "group")
    return { group, id: `${group}/genes`, columns: { gene_symbols: `${group}/gene_names` } };
  const named = ["feature_type", "genome"].filter(
    (name) => file.kind(`${features}/${name}`) !== null,
  );
  return {
    group,
    id: `${features}/id`,
    columns: {
      gene_symbols: `${features}/name`,
      ...Object.fromEntries(named.map((name) => [name, `${features}/${name}`])),
    },
  };
}

/** The new place of each feature, -1 for those that are no genes. */
function genePlaces(file: Hdf5File, { columns }: Layout, nFeatures: number): Int32Array {
  const types = columns["feature_type"] === undefined ? [] : file.text(columns["feature_type"]);
  const hasGenes = types.includes(GENES);
  let next = 0;
  return Int32Array.from({ length: nFeatures }, (_, at) =>
    hasGenes && types[at] !== GENES ? -1 : next++,
  );
}

/** @throws ANNDATA_INVALID where its parts do not fit together, or for several genomes */
export function describeTenx(file: Hdf5File): H5adFile {
  const layout = layoutOf(file);
  const { group, columns } = layout;
  const barcodes = file.text(`${group}/barcodes`);
  const ids = file.text(layout.id);
  const [nFeatures, nObs] = Array.from(file.numbers(`${group}/shape`), Number);
  const nStored = file.shape(`${group}/data`)[0] ?? 0;
  if (
    nObs !== barcodes.length ||
    nFeatures !== ids.length ||
    file.shape(`${group}/indptr`)[0] !== barcodes.length + 1 ||
    file.shape(`${group}/indices`)[0] !== nStored
  )
    throw new HaystackError(
      "ANNDATA_INVALID",
      `${file.path} is a 10x .h5 file whose parts do not fit together (${nFeatures} x ${nObs} for ${ids.length} features and ${barcodes.length} barcodes); copy or download it again.`,
    );
  const places = genePlaces(file, layout, ids.length);
  const ofGenes = <Value>(values: readonly Value[]) => values.filter((_, at) => places[at] !== -1);
  const nVars = ofGenes(ids).length;
  const stored: Slot = { name: group, layout: "csr", nRows: nObs, nCols: ids.length, nStored };
  const genesOf = (X: CsrMatrix) => (nVars === ids.length ? X : renumberColumns(X, places, nVars));
  const textOf = (name: string) => ofGenes(file.text(columns[name] ?? layout.id));
  const varColumns = Object.keys(columns).map((name): FrameColumn => ({ name, kind: "string" }));
  const index = (frame: string) => (frame === "obs" ? barcodes : ofGenes(ids));
  return {
    path: file.path,
    modality: null,
    unlabelled: `a 10x .h5 file holds counts alone; convert it: ${tenxLine(file.path)}, and add the columns of obs`,
    nObs,
    nVars,
    slots: [{ ...stored, name: "X", nCols: nVars }],
    unreadable: [],
    columns: (frame) => (frame === "obs" ? [] : varColumns),
    index,
    column(frame, name) {
      if (frame !== "obs" && columns[name] !== undefined) return textOf(name);
      throw new HaystackError(
        "COLUMN_NOT_FOUND",
        `${frame} in ${file.path} has no column "${name}"; the columns are: ${frame === "obs" ? "none" : Object.keys(columns).join(", ")}.`,
      );
    },
    frame: (frame) => ({
      index: index(frame),
      columns:
        frame === "obs"
          ? {}
          : Object.fromEntries(Object.keys(columns).map((name) => [name, textOf(name)])),
    }),
    uns: () => ({}),
    unsValue: () => undefined,
    rows: (_, start, stop) => genesOf(readRows(file, stored, start, stop)),
    *blocks(_, maxStored) {
      for (const { start, X } of readBlocks(file, stored, maxStored))
        yield { start, X: genesOf(X) };
    },
    sample: () => sampleValues(file, stored),
    close: () => file.close(),
  };
}
