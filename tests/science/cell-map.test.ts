import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { cellMap } from "../../science/response/cell-map.ts";
import { logNormalise } from "../../science/statistics/normalise.ts";
import { principalComponents } from "../../science/statistics/principal-components.ts";
import { csrOf, readKang, selectCells } from "../support/kang.ts";
import { KANG } from "../support/data.ts";
import { describeWithPython, runPython } from "../support/python.ts";

/** Kang's monocytes, treated ones as if they were predicted. */
async function monocytes(): Promise<AnnData> {
  const kang = await readKang();
  const cellTypes = kang.obs.columns["cell_type"]!;
  const isTreated = new Map<string, boolean>();
  const chosen = selectCells(kang, ({ cellType, treated, index }) => {
    isTreated.set(kang.obs.index[index]!, treated);
    return cellType === "CD14+ Monocytes" && cellTypes[index] === cellType;
  });
  const origin = chosen.obs.index.map((cell) => (isTreated.get(cell) ? "prediction" : "control"));
  return { ...chosen, obs: { index: chosen.obs.index, columns: { origin } } };
}

describeWithPython("the map of cells", () => {
  const PCA = `
import json, sys
import anndata, numpy as np, scanpy as sc
from sklearn.decomposition import PCA
path = json.loads(sys.argv[1])["path"]
adata = anndata.read_h5ad(path)
adata = adata[adata.obs["cell_type"] == "CD14+ Monocytes"].copy()
sc.pp.normalize_total(adata, target_sum=1e4); sc.pp.log1p(adata)
X = adata.X.toarray().astype("f8")
pca = PCA(2, svd_solver="full")
scores = pca.fit_transform(X)
sc.pp.pca(adata, n_comps=2)
print(json.dumps({"scores": scores.T.tolist(), "ratio": pca.explained_variance_ratio_.tolist(),
  "scanpy": np.abs(adata.obsm["X_pca"]).T.tolist(), "n": adata.n_obs}))`;

  test("has the components of scikit-learn, signs included, and those of scanpy", async () => {
    const cells = await monocytes();
    const python = await runPython<{
      scores: number[][];
      ratio: number[];
      scanpy: number[][];
      n: number;
    }>(PCA, { path: KANG });
    const { scores, variance_ratio } = principalComponents(logNormalise(cells.X), 2);
    expect(scores[0]).toHaveLength(python.n);
    const farthest = (ours: Float64Array, theirs: readonly number[]): number =>
      Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!)));
    for (const axis of [0, 1]) {
      expect(farthest(scores[axis]!, python.scores[axis]!)).toBeLessThan(1e-4);
      expect(farthest(scores[axis]!.map(Math.abs), python.scanpy[axis]!)).toBeLessThan(1e-3);
      expect(variance_ratio[axis]).toBeCloseTo(python.ratio[axis]!, 6);
    }
  });

  test("shows cells that respond apart from those that do not, and is the same every time", async () => {
    const cells = await monocytes();
    const map = cellMap(cells)!;
    const mean = (origin: string): number => {
      const values = map.x.filter((_, i) => map.origin[i] === origin);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const spread = Math.max(...map.x) - Math.min(...map.x);
    expect(Math.abs(mean("prediction") - mean("control"))).toBeGreaterThan(spread / 4);
    expect(map.of).toBe(cells.obs.index.length);
    expect(cellMap(cells)).toEqual(map);
  });
});

const small = (rows: readonly (readonly number[])[], origin: readonly string[]): AnnData => ({
  X: csrOf(rows),
  obs: { index: rows.map((_, i) => `c${i}`), columns: { origin } },
  var: { index: rows[0]!.map((_, i) => `g${i}`), columns: {} },
  uns: {},
});

test("two components of equal weight are both found", () => {
  const { variance_ratio } = principalComponents(
    csrOf([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]),
    2,
  );
  expect(variance_ratio).toEqual([expect.closeTo(0.5, 9), expect.closeTo(0.5, 9)]);
});

test("there is no map of cells that do not differ, nor of two", () => {
  const origin = ["prediction", "prediction", "control"];
  const same = [1, 2, 3];
  expect(cellMap(small([same, same, same], origin))).toBeNull();
  expect(
    cellMap(
      small(
        [
          [1, 2],
          [2, 1],
        ],
        ["prediction", "control"],
      ),
    ),
  ).toBeNull();
});

test("of many cells as many are drawn of each origin, evenly", () => {
  const rows = Array.from({ length: 1_300 }, (_, i) => [1 + (i % 7), 1 + (i % 5), 3]);
  const origin = rows.map((_, i) => (i < 1_000 ? "prediction" : "control"));
  const map = cellMap(small(rows, origin))!;
  expect(map.origin.filter((each) => each === "prediction")).toHaveLength(500);
  expect(map.origin.filter((each) => each === "control")).toHaveLength(300);
  expect(map.of).toBe(1_300);
});
