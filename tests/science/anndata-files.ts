import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AnnData, CsrMatrix, DataFrame } from "../../science/anndata/anndata.ts";
import { denseToCsr } from "../../science/anndata/csr.ts";

/** A folder of its own for the running test, removed afterwards. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-h5ad-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function csr(rows: readonly (readonly number[])[], nCols = rows[0]?.length ?? 0): CsrMatrix {
  return denseToCsr(Float32Array.from(rows.flat()), rows.length, nCols);
}

export function dense({ nRows, nCols, data, indices, indptr }: CsrMatrix): number[][] {
  const rows = Array.from({ length: nRows }, () => Array.from({ length: nCols }, () => 0));
  for (let row = 0; row < nRows; row += 1) {
    for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at += 1)
      (rows[row] as number[])[indices[at] as number] = data[at] as number;
  }
  return rows;
}

/** Eight cells of two types, two donors, control and IFN-beta; four genes; whole counts. */
export function smallAtlas(
  change: {
    readonly counts?: readonly (readonly number[])[];
    readonly obs?: DataFrame["columns"];
    readonly genes?: readonly string[];
  } = {},
): AnnData {
  const genes = change.genes ?? ["ISG15", "CD3D", "MS4A1", "ACTB"];
  const counts = change.counts ?? [
    [0, 3, 0, 9],
    [1, 2, 0, 8],
    [7, 2, 0, 9],
    [8, 1, 0, 7],
    [0, 0, 4, 6],
    [1, 0, 5, 7],
    [9, 0, 4, 8],
    [6, 0, 3, 9],
  ];
  return {
    X: csr(counts, genes.length),
    obs: {
      index: counts.map((_, cell) => `cell-${cell + 1}`),
      columns: change.obs ?? {
        cell_type: ["T cell", "T cell", "T cell", "T cell", "B cell", "B cell", "B cell", "B cell"],
        perturbation: [
          "control",
          "control",
          "IFN-beta",
          "IFN-beta",
          "control",
          "control",
          "IFN-beta",
          "IFN-beta",
        ],
        donor_id: ["d1", "d2", "d1", "d2", "d1", "d1", "d1", "d1"],
      },
    },
    var: { index: genes, columns: {} },
    uns: {},
  };
}
