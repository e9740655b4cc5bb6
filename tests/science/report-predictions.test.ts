import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { assemblePredictions } from "../../science/report/predictions.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { predicted, prediction, runResult } from "./report-fixtures.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "haystack-predictions-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function digest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

describe("assembled predictions", () => {
  test("leave X and the order of cells and genes as they are", () => {
    const input = prediction();
    const { X, obs, var: genes } = assemblePredictions(runResult(), input, predicted());
    expect(X).toBe(input.X);
    expect(obs.index).toEqual(input.obs.index);
    expect(genes.index).toEqual(input.var.index);
  });

  test("keep the query's own columns, except where a name clashes or is not allowed", () => {
    const { obs } = assemblePredictions(runResult(), prediction(), predicted());
    const ours = [
      "perturbation",
      "cell_id",
      "cell_type_query",
      "perturbation_query",
      "prompt_strategy",
      "iteration",
      "grounding_score",
    ];
    expect(Object.keys(obs.columns)).toEqual([
      ...ours,
      "origin",
      "cell_type",
      "donor_id",
      "n_counts",
      "batch_lane",
    ]);
    expect(obs.columns["perturbation"]).toEqual([
      "predicted Interferon beta",
      "ctrl",
      "predicted control",
    ]);
    expect(obs.columns["iteration"]).toEqual(Int32Array.from([2, 2, 2]));
    expect(obs.columns["prompt_strategy"]).toEqual(["direct", "direct", "direct"]);
  });

  test("carry the statistics as they are, gene by gene", () => {
    const de = predicted();
    const { var: genes } = assemblePredictions(runResult(), prediction(), de);
    expect(genes.columns).toEqual({
      gene_symbol: de.genes,
      rank: de.rank,
      delta: de.delta,
      reliability: de.reliability,
      predicted_mean: de.predicted_mean,
      reference_mean: de.reference_mean,
      predicted_lfc: de.log2_fold_change,
      predicted_pval: de.p_value,
      predicted_padj: de.p_adjusted,
      is_de: de.genes.map((_, i) => de.is_de[i] === 1),
      target_gene: de.genes.map((gene) => ["ISG15", "MX1", "CCL8"].includes(gene)),
      ensembl_id: prediction().var.columns["ensembl_id"],
    });
    expect(de.p_adjusted).not.toEqual(de.p_value);
  });

  test("mark the expected targets, whatever the case of the symbol or an Ensembl suffix", () => {
    const de = predicted(["MX1_ENSG00000157601"]);
    const { var: genes } = assemblePredictions(runResult(), prediction(de.genes), de);
    const marked = genes.index.filter((_, i) => genes.columns["target_gene"]?.[i] === true);
    expect(marked).toEqual(["ISG15", "MX1", "CCL8", "MX1_ENSG00000157601"]);
  });

  test("refuse a response of other genes", () => {
    const other = prediction(predicted().genes.toReversed());
    expect(() => assemblePredictions(runResult(), other, predicted())).toThrow(
      expect.objectContaining({ code: "PREDICTION_INVALID" }),
    );
  });

  test("come back from the file as they were, and the same input gives the same bytes", async () => {
    const assembled = assemblePredictions(runResult(), prediction(), predicted());
    const [first, second] = [join(folder, "first.h5ad"), join(folder, "second.h5ad")];
    await writeH5ad(first, assembled);
    await writeH5ad(second, assemblePredictions(runResult(), prediction(), predicted()));
    expect(await digest(second)).toBe(await digest(first));
    const back = await readH5ad(first);
    expect(Object.keys(back.obs.columns)).toEqual(Object.keys(assembled.obs.columns));
    expect(back.var.columns["predicted_lfc"]).toEqual(assembled.var.columns["predicted_lfc"]);
    expect(back.uns["run_id"]).toBe("run-7f3a");
  });
});

describeWithPython("assembled predictions in Python", () => {
  const READ = `
import json, sys
import anndata, pandas as pd, scanpy as sc
path = json.loads(sys.argv[1])["path"]
adata = sc.read_h5ad(path)
assert (adata.obs["cell_id"] == adata.obs_names).all() and (adata.var["gene_symbol"] == adata.var_names).all()
top = adata.var.sort_values("rank").head(3)
assert adata.var["is_de"].dtype == bool and list(adata[:, adata.var["target_gene"]].var_names) == ["ISG15", "MX1", "CCL8"]
copy = adata.copy(); sc.pp.normalize_total(copy); sc.pp.log1p(copy)
adata.write_h5ad(path + ".again")
tables = {name: pd.DataFrame(adata.uns[name]) for name in ("iterations", "enrichment_results", "evidence")}
print(json.dumps({
  "shape": adata.shape, "total": float(adata.X.sum()), "dtype": str(adata.X.dtype),
  "obs": list(adata.obs.columns), "var": list(adata.var.columns), "uns": sorted(adata.uns),
  "top": list(top.index), "de": int(adata.var["is_de"].sum()), "targets": list(adata.var_names[adata.var["target_gene"]]),
  "untested": int(adata.var["predicted_padj"].isna().sum()),
  "model": adata.uns["model"], "baseline": bool(adata.uns["is_baseline"]), "simulated": bool(adata.uns["simulated"]),
  "threshold": int(adata.uns["config"]["score_threshold"]), "question": json.loads(adata.uns["structured_query"])["cell_type"]["name"],
  "rows": {name: len(table) for name, table in tables.items()},
  "scores": tables["iterations"]["score"].tolist(), "unmeasured": bool(tables["iterations"]["literature_support"].isna().all()),
}))`;

  test("open in anndata and scanpy without a warning, with all that was promised", async () => {
    const path = join(folder, "python.h5ad");
    await writeH5ad(path, assemblePredictions(runResult(), prediction(), predicted()));
    expect(await runPython(READ, { path })).toEqual({
      shape: [3, 621],
      total: 33,
      dtype: "float32",
      obs: [
        "perturbation",
        "cell_id",
        "cell_type_query",
        "perturbation_query",
        "prompt_strategy",
        "iteration",
        "grounding_score",
        "origin",
        "cell_type",
        "donor_id",
        "n_counts",
        "batch_lane",
      ],
      var: [
        "gene_symbol",
        "rank",
        "delta",
        "reliability",
        "predicted_mean",
        "reference_mean",
        "predicted_lfc",
        "predicted_pval",
        "predicted_padj",
        "is_de",
        "target_gene",
        "ensembl_id",
      ],
      uns: [
        "atlas",
        "confidence",
        "config",
        "control_strategy",
        "control_strategy_effective",
        "delivered_iteration",
        "enrichment_results",
        "evidence",
        "final_score",
        "is_baseline",
        "iterations",
        "model",
        "model_settings",
        "query",
        "random_seed",
        "run_id",
        "simulated",
        "software",
        "structured_query",
        "termination_reason",
      ],
      top: ["ISG15", "IFIT3", "IFIT1"],
      de: 20,
      targets: ["ISG15", "MX1", "CCL8"],
      untested: 1,
      model: "STACK large",
      baseline: false,
      simulated: false,
      threshold: 7,
      question: "CD14-positive monocyte",
      rows: { iterations: 2, enrichment_results: 2, evidence: 2 },
      scores: [5, 8],
      unmeasured: true,
    });
  });

  test("open when nothing is enriched and no evidence was found", async () => {
    const iterations = runResult().iterations.map((iteration) => ({
      ...iteration,
      enriched: [],
      grounding: { ...iteration.grounding, evidence: [] },
    }));
    const path = join(folder, "empty.h5ad");
    await writeH5ad(
      path,
      assemblePredictions(runResult({ iterations }), prediction(), predicted()),
    );
    const { rows } = await runPython<{ rows: Record<string, number> }>(READ, { path });
    expect(rows).toEqual({ iterations: 2, enrichment_results: 0, evidence: 0 });
  });
});
