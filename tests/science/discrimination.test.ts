import { join } from "node:path";
import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { stackRows } from "../../science/prompting/csr-rows.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import { minus } from "../../science/validation/agreement.ts";
import { discrimination, type Discrimination } from "../../science/validation/discrimination.ts";
import { logCells, meansOf } from "../../science/validation/log-cells.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { selectCells } from "../support/kang.ts";
import { describeWithCellEval, runPython } from "../support/python.ts";

const atlas = simulateAtlas({
  seed: 21,
  nGenes: 150,
  nCellTypes: 3,
  nPerturbations: 5,
  nDonors: 2,
  cellsPerGroup: 15,
});
const genes = atlas.var.index;
const [types, labels, donors] = ["cell_type", "perturbation", "donor_id"].map(
  (name) => atlas.obs.columns[name] as readonly string[],
) as [readonly string[], readonly string[], readonly string[]];
const cells = (type: string, label: string, first: boolean): AnnData =>
  selectCells(
    atlas,
    ({ index }) =>
      types[index] === type && labels[index] === label && (donors[index] === donors[0]) === first,
  );
const inBoth = (type: string) =>
  [...new Set(labels)]
    .toSorted()
    .filter((label) => [true, false].every((first) => cells(type, label, first).X.nRows > 0));
const [type = ""] = [...new Set(types)].toSorted((a, b) => inBoth(b).length - inBoth(a).length);
const asked = inBoth(type).filter((label) => label !== "control");
/** The first perturbation is named after a gene. */
const nameOf = (label: string) => (label === asked[0] ? genes[3]! : label);

const deltas = (label: string, first: boolean) =>
  minus(
    meansOf(logCells(cells(type, label, first).X)),
    meansOf(logCells(cells(type, "control", first).X)),
  );

const effects = (wanted: readonly string[]) =>
  wanted.map((label) => ({
    perturbation: nameOf(label),
    own: genes.indexOf(nameOf(label)),
    predicted: deltas(label, true),
    measured: deltas(label, false),
  }));

async function file(first: boolean): Promise<string> {
  const path = join(await temporaryFolder(), "cells.h5ad");
  const parts = ["control", ...asked].map(
    (label) => [nameOf(label), cells(type, label, first).X] as const,
  );
  const perturbation = parts.flatMap(([name, X]) => Array.from({ length: X.nRows }, () => name));
  await writeH5ad(path, {
    X: stackRows(
      parts.map(([, X]) => X),
      genes.length,
    ),
    obs: { index: perturbation.map((_, cell) => `cell${cell}`), columns: { perturbation } },
    var: atlas.var,
    uns: {},
  });
  return path;
}

const PACKAGE = String.raw`
import contextlib, io, json, logging, sys, warnings
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
import anndata as ad, numpy as np, scipy.sparse as sp
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from cell_eval._types import PerturbationAnndataPair
    from cell_eval.metrics._anndata import discrimination_score
given = json.loads(sys.argv[1])
def read(path):
    a = ad.read_h5ad(path); X = sp.csr_matrix(a.X).astype(float)
    X = sp.diags(1e4 / np.maximum(np.asarray(X.sum(1)).ravel(), 1e-9)) @ X; X.data = np.log1p(X.data); a.X = sp.csr_matrix(X); return a
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    pair = PerturbationAnndataPair(real=read(given["real"]), pred=read(given["pred"]), pert_col="perturbation", control_pert="control")
    found = {m: discrimination_score(pair, metric=m) for m in ("l1", "l2", "cosine")}
print(json.dumps({p: {f"discrimination_score_{m}": found[m][p] for m in found} for p in found["l1"]}))
`;

describeWithCellEval("discrimination", () => {
  test("is that of cell-eval, for each perturbation and distance", async () => {
    expect(asked.length).toBeGreaterThanOrEqual(3);
    const theirs = await runPython<Record<string, Discrimination>>(PACKAGE, {
      real: await file(false),
      pred: await file(true),
    });
    const ours = discrimination(effects(asked));
    asked.forEach((label, at) => {
      for (const [metric, value] of Object.entries(theirs[nameOf(label)]!))
        expect([label, metric, ours[at]![metric as keyof Discrimination]]).toEqual([
          label,
          metric,
          expect.closeTo(value, 6),
        ]);
    });
  });
});

test("without another perturbation nothing can be told", () => {
  for (const value of Object.values(discrimination(effects(asked.slice(0, 1)))[0]!))
    expect(value).toBeNaN();
});
