import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readH5ad } from "../../science/anndata/read.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import { ENDLESS_COMMAND } from "../server/api-harness.ts";
import { haystack } from "../support/command-line.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithPython, runPython } from "../support/python.ts";

const MAIN_JOB = [
  "run",
  "How would CD14+ monocytes respond to IFN-beta?",
  "--atlas",
  KANG,
  "--seed",
  "7",
  "--json",
];

async function mainJob(folder: string): Promise<RunDocument> {
  const outcome = await haystack([
    ...MAIN_JOB,
    "--data-dir",
    folder,
    "--email",
    "scientist@example.org",
  ]);
  expect([outcome.code, outcome.stderr]).toEqual([0, expect.not.stringMatching(/haystack: /)]);
  return runDocumentSchema.parse(JSON.parse(outcome.stdout));
}

const path = (file: string | null): string => file ?? "missing";

describeWithData("the main job on real data", () => {
  test("completes with interferon response, and the same command gives the same bytes and scores", async () => {
    const folder = await temporaryFolder();
    const first = await mainJob(folder);
    expect(first).toMatchObject({
      status: "completed",
      control_strategy_effective: "synthetic_control",
      control_cells_available: true,
      error: null,
    });
    expect(first.final_score).toBeGreaterThanOrEqual(7);
    expect(
      first.iterations
        .at(-1)
        ?.enriched_pathways.map(({ name }) => name)
        .join("; "),
    ).toMatch(/interferon/i);
    expect(readFileSync(path(first.output_report_path), "utf8")).toContain("<svg");
    const log = JSON.parse(readFileSync(path(first.output_log_path), "utf8")) as RunDocument;
    expect(log.run_id).toBe(first.run_id);
    expect(await readdir(join(folder, "mail"))).toEqual([`${first.run_id}.run_completed.1.eml`]);

    const second = await mainJob(folder);
    expect(second.run_id).not.toBe(first.run_id);
    expect(
      second.iterations.map(({ score, component_scores }) => [score, component_scores]),
    ).toEqual(first.iterations.map(({ score, component_scores }) => [score, component_scores]));
    const [a, b] = await Promise.all(
      [first, second].map(({ output_anndata_path }) => readH5ad(path(output_anndata_path))),
    );
    expect(
      Buffer.from(a?.X.data.buffer ?? new ArrayBuffer(0)).equals(
        Buffer.from(b?.X.data.buffer ?? new ArrayBuffer(1)),
      ),
    ).toBe(true);
    expect(a?.X.indices).toEqual(b?.X.indices);
  });

  test("an interrupt cancels the run properly", async () => {
    const folder = await temporaryFolder();
    let interrupted = false;
    const outcome = await haystack([...MAIN_JOB, "--data-dir", folder], {
      env: { INFERENCE_COMMAND: ENDLESS_COMMAND },
      onStderr(text, kill) {
        if (interrupted || !text.includes("predicting")) return;
        interrupted = true;
        kill("SIGINT");
      },
    });
    expect(outcome.code).toBe(130);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      status: "cancelled",
      termination_reason: "cancelled",
      current_phase: null,
    });
  });
});

describeWithData("the delivered file", () => {
  describeWithPython("opened by Python", () => {
    test("is valid AnnData with the promised columns", async () => {
      const document = await mainJob(await temporaryFolder());
      const found = await runPython<Record<string, unknown>>(
        `
import json, sys, anndata, scanpy, numpy as np
a = anndata.read_h5ad(json.loads(sys.argv[1])["file"])
scanpy.pp.normalize_total(a.copy(), target_sum=1e4)
print(json.dumps({"obs": list(a.obs.columns), "var": list(a.var.columns), "uns": list(a.uns), "dtype": str(a.X.dtype), "format": a.X.format,
  "finite": bool(np.isfinite(a.X.data).all()), "unique": bool(a.obs_names.is_unique), "n": a.shape, "score": int(a.obs.grounding_score.iloc[0]), "run_id": str(a.uns["run_id"])}))`,
        { file: document.output_anndata_path },
      );
      expect(found).toMatchObject({
        dtype: "float32",
        format: "csr",
        finite: true,
        unique: true,
        score: document.final_score,
        run_id: document.run_id,
      });
      expect(found["obs"]).toEqual(
        expect.arrayContaining([
          "cell_id",
          "cell_type_query",
          "perturbation_query",
          "prompt_strategy",
          "iteration",
          "grounding_score",
        ]),
      );
      expect(found["var"]).toEqual(
        expect.arrayContaining([
          "gene_symbol",
          "predicted_lfc",
          "predicted_pval",
          "predicted_padj",
          "is_de",
          "target_gene",
        ]),
      );
      expect(found["uns"]).toEqual(
        expect.arrayContaining(["run_id", "query", "config", "iterations", "enrichment_results"]),
      );
    });
  });
});
