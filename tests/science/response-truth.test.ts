import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { UNCALIBRATED } from "../../science/response/expected-changes.ts";
import { predictedResponse } from "../../science/response/predicted-response.ts";
import { promptEvidence, type EvidencePart } from "../../science/response/prompt-evidence.ts";
import { readResponse, writeResponse } from "../../science/response/response-file.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { minus } from "../../science/validation/agreement.ts";
import { changedGenes, judge, readTruth } from "../../science/validation/judge.ts";
import { logCells, meansOf } from "../../science/validation/log-cells.ts";
import { readKang, selectCells } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";

/**
 * A cell type of the Kang 2018 data withheld, half of its controls as query cells; the other types
 * in equal shares as the prompt. `judge` holds the written file against the withheld cells and the
 * other half of the controls.
 */
const PREPARE = String.raw`
import json, sys
import anndata as ad, numpy as np, scipy.sparse as sp
given = json.loads(sys.argv[1]); kang = ad.read_h5ad(given["data"]); kang.X = sp.csr_matrix(kang.X)
rng = np.random.default_rng(0)
o = kang.obs; types = [t for t in sorted(o["cell_type"].unique()) if t != given["type"]]
rows = lambda t, p: np.flatnonzero((o["cell_type"] == t) & (o["perturbation"] == p))
def write(name, index, groups):
    part = ad.AnnData(kang.X[index].astype("float32")); part.var_names = kang.var_names
    part.obs_names = [f"{name}{i}" for i in range(len(index))]; part.obs["group_id"] = groups; part.obs["perturbation"] = "ctrl"
    part.write_h5ad(f'{given["folder"]}/{name}.h5ad')
prompt, controls, pg, cg = [], [], [], []
for k, t in enumerate(types):
    treated, control = rows(t, "IFN-beta"), rows(t, "control"); n = min(len(treated), len(control))
    prompt += list(rng.choice(treated, n, replace=False)); controls += list(rng.choice(control, n, replace=False)); pg += [f"p{k}"] * n; cg += [f"c{k}"] * n
write("prompt", prompt, pg); write("controls", controls, cg)
own = rng.permutation(rows(given["type"], "control")); write("query", own[: len(own) // 2], ["q"] * (len(own) // 2))
print(json.dumps({"parts": [{"group_id": f"p{k}", "control_group_id": f"c{k}", "weight": pg.count(f"p{k}") / len(pg)} for k in range(len(types))]}))
`;
const JUDGE = String.raw`
import json, sys
import anndata as ad, numpy as np, scipy.sparse as sp
from scipy.stats import ranksums, rankdata, false_discovery_control
given = json.loads(sys.argv[1]); kang = ad.read_h5ad(given["data"]); made = ad.read_h5ad(given["file"])
rng = np.random.default_rng(0)
def lognorm(X):
    X = sp.csr_matrix(X).astype(float); X = sp.diags(1e4 / np.asarray(X.sum(1)).ravel()) @ X; X.data = np.log1p(X.data); return X.toarray()
X = lognorm(kang.X); o = kang.obs
treated = np.flatnonzero((o["cell_type"] == given["type"]) & (o["perturbation"] == "IFN-beta"))
control = np.flatnonzero((o["cell_type"] == given["type"]) & (o["perturbation"] == "control"))
queried = lognorm(made.layers["model_output"][(made.obs["origin"] == "control").values]).mean(0)
other = (X[control].sum(0) - queried * (len(control) // 2)) / (len(control) - len(control) // 2)
truth = X[treated].mean(0) - other
p = false_discovery_control([ranksums(X[treated, g], X[control, g]).pvalue for g in range(X.shape[1])])
changed = (p < 0.05) & (abs(X[treated].mean(0) - X[control].mean(0)) >= 0.1)
score = -made.var["rank"].values.astype(float)
n1 = changed.sum(); auroc = (rankdata(score)[changed].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(score) - n1))
cells = made[made.obs["origin"] == "prediction"]
shown = lognorm(cells.X).mean(0) - lognorm(made[made.obs["origin"] == "control"].X).mean(0)
r = lambda a, b: float(np.corrcoef(a, b)[0, 1])
print(json.dumps({
  "auroc": float(auroc), "precision50": float(changed[np.argsort(-score, kind="stable")[:50]].mean()),
  "pearson": r(made.var["delta"].values, truth), "cells_show_delta": r(shown, made.var["delta"].values),
  "genes_per_cell": float((cells.X > 0).sum(1).mean()) / float((sp.csr_matrix(kang.X[treated]) > 0).sum(1).mean()),
  "whole": bool((made.X.data == np.round(made.X.data)).all()), "flags": str(made.var["is_de"].dtype),
  "selected": made[:, made.var["is_de"]].n_vars == int(made.var["is_de"].sum()),
}))
`;

interface Judgement {
  readonly auroc: number;
  readonly precision50: number;
  readonly pearson: number;
  readonly cells_show_delta: number;
  readonly genes_per_cell: number;
  readonly whole: boolean;
  readonly flags: string;
  readonly selected: boolean;
}

describeWithData("a delivered response against the withheld truth", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-truth-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describeWithPython("judged in Python", () => {
    test("ranks truly changed genes first, in cells like measured ones", async () => {
      const given = { data: KANG, type: "CD4 T cells", folder };
      const { parts } = await runPython<{ parts: readonly EvidencePart[] }>(PREPARE, given);
      const [prompt, controls, query] = await Promise.all(
        ["prompt", "controls", "query"].map((name) => readH5ad(join(folder, `${name}.h5ad`))),
      );
      const made = predictedResponse({
        prediction: deltaTransfer(prompt!, query!),
        controlPrediction: deltaTransfer(controls!, query!),
        query: query!,
        evidence: promptEvidence(query!.var.index, {
          prompt: prompt!,
          controls: controls!,
          query: query!,
          parts,
          reading: false,
        }),
        calibration: UNCALIBRATED,
        seen: [],
        shiftsQueryCells: true,
        seed: 1,
      });
      const file = join(folder, "response.h5ad");
      await writeResponse(file, made);
      expect((await readResponse(file)).response).toEqual(made.response);
      const seen = await runPython<Judgement>(JUDGE, { ...given, file });
      expect(seen.auroc).toBeGreaterThanOrEqual(0.85);
      expect(seen.precision50).toBeGreaterThanOrEqual(0.8);
      expect(seen.pearson).toBeGreaterThanOrEqual(0.75);
      expect(seen.cells_show_delta).toBeGreaterThanOrEqual(0.99);
      expect(seen.genes_per_cell).toBeGreaterThan(0.8);
      expect(seen.genes_per_cell).toBeLessThan(1.2);
      expect([seen.whole, seen.flags, seen.selected]).toEqual([true, "bool", true]);
    });
  });

  test.each([
    ["shifts the query cells", true],
    ["makes cells of its own, beside their controls", false],
  ])(
    "is judged by the cells that it is compared with, where a model %s",
    async (_, shiftsQueryCells) => {
      const dir = join(folder, `atlas ${shiftsQueryCells}`);
      await importAtlas({ source: KANG, outDir: dir }, labelResolver(loadKnowledge()));
      const { index } = await openAtlas(dir);
      const treatment = index.groups.find(({ is_control }) => !is_control)!.perturbation;
      const target = { cell_type: "CD4 T cells", perturbation: treatment, donor: null };
      const truth = await readTruth({ dir, target, what: ["cell-type"], seed: 1 });
      const kang = await readKang();
      const names = new Set(truth.query.names);
      const query = selectCells(kang, ({ index: row }) => names.has(kang.obs.index[row]!));
      const shown = (wanted: boolean) =>
        selectCells(kang, ({ cellType, treated }) => cellType === "B cells" && treated === wanted);
      const unknown = new Float64Array(index.genes.length).fill(Number.NaN);
      const made = predictedResponse({
        prediction: deltaTransfer(shown(true), query),
        controlPrediction: deltaTransfer(shown(false), query),
        query,
        evidence: { delta: unknown, variance: unknown, treatedVariance: unknown, groups: 0 },
        calibration: UNCALIBRATED,
        seen: [],
        shiftsQueryCells,
        seed: 1,
      });
      const file = join(folder, "judged.h5ad");
      await writeResponse(file, made);
      const stored = await readResponse(file);
      const measured = minus(
        meansOf(logCells(truth.treated.counts)),
        meansOf(logCells(truth.control.counts)),
      );
      const changed = changedGenes(truth);
      const { judgement } = judge(stored, truth, measured, changed);
      expect(stored.reference).toBe(shiftsQueryCells ? "control" : "control_prediction");
      expect(stored.cells.uns).toEqual(made.cells.uns);
      const told = pearson(made.response.delta, measured);
      expect(Math.abs(judgement.pearson - told)).toBeLessThan(0.05);
      expect(judgement.pearson).toBeGreaterThan(0.7);
    },
  );
});
