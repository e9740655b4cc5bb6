import type { AnnData, CsrMatrix } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { KANG } from "./data.ts";

export const KANG_CELL_TYPES = [
  "B cells",
  "CD14+ Monocytes",
  "CD4 T cells",
  "CD8 T cells",
  "FCGR3A+ Monocytes",
] as const;
export type KangCellType = (typeof KANG_CELL_TYPES)[number];

export async function readKang(): Promise<AnnData> {
  return readH5ad(KANG);
}

/** The cells that `keep` wants, in file order. */
export function selectCells(
  adata: AnnData,
  keep: (cell: { cellType: string; treated: boolean; index: number }) => boolean,
): AnnData {
  const cellTypes = adata.obs.columns["cell_type"] as readonly string[];
  const perturbations = adata.obs.columns["perturbation"] as readonly string[];
  return takeCells(
    adata,
    [...adata.obs.index.keys()].filter((index) =>
      keep({ cellType: cellTypes[index]!, treated: perturbations[index] !== "control", index }),
    ),
  );
}

/** The cells at `rows`, in that order, without obs columns. */
export function takeCells(adata: AnnData, rows: readonly number[]): AnnData {
  return {
    X: takeRows(adata.X, rows),
    obs: { index: rows.map((row) => adata.obs.index[row]!), columns: {} },
    var: adata.var,
    uns: {},
  };
}

function takeRows(X: CsrMatrix, rows: readonly number[]): CsrMatrix {
  const indptr = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    indptr[i + 1] = indptr[i]! + X.indptr[row + 1]! - X.indptr[row]!;
  });
  const data = new Float32Array(indptr[rows.length]!);
  const indices = new Int32Array(data.length);
  rows.forEach((row, i) => {
    data.set(X.data.subarray(X.indptr[row], X.indptr[row + 1]), indptr[i]);
    indices.set(X.indices.subarray(X.indptr[row], X.indptr[row + 1]), indptr[i]);
  });
  return { nRows: rows.length, nCols: X.nCols, data, indices, indptr };
}

/** A CSR matrix of the non-zero values of a dense one. */
export function csrOf(rows: readonly (readonly number[])[]): CsrMatrix {
  const entries = rows.map((row) =>
    row.flatMap((value, column) => (value === 0 ? [] : [{ value, column }])),
  );
  const indptr = [0];
  for (const row of entries) indptr.push(indptr.at(-1)! + row.length);
  return {
    nRows: rows.length,
    nCols: rows[0]?.length ?? 0,
    data: Float32Array.from(entries.flat(), ({ value }) => value),
    indices: Int32Array.from(entries.flat(), ({ column }) => column),
    indptr: Int32Array.from(indptr),
  };
}

/** Small AnnData with named genes and numbered cells. */
export function adataOf(rows: readonly (readonly number[])[], genes: readonly string[]): AnnData {
  return {
    X: { ...csrOf(rows), nCols: genes.length },
    obs: { index: rows.map((_, i) => `cell${i}`), columns: {} },
    var: { index: genes, columns: {} },
    uns: {},
  };
}
