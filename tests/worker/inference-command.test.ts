import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inferenceProgram } from "../../services/batch/local/command.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { runDocumentSchema } from "../../services/runs/document.ts";
import { jobSpec } from "../services/batch.contract.ts";
import { localHarness } from "../services/local-batch-harness.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { standInModel } from "./stand-in-model.ts";

const ENDED = ["SUCCEEDED", "FAILED", "CANCELLED"] as const;
const UNKNOWN_GENES = 5;

async function simulatedAtlas(folder: string, ...options: readonly string[]): Promise<string> {
  const atlas = join(folder, "atlas.h5ad");
  const outcome = await haystack([
    "atlas",
    "simulate",
    "--output",
    atlas,
    "--data-dir",
    folder,
    "--genes",
    "300",
    "--cells-per-group",
    "10",
    ...options,
  ]);
  expect(outcome).toMatchObject({ code: 0 });
  return atlas;
}

describeWithPython("INFERENCE_COMMAND with the STACK worker", () => {
  test(
    "serves a whole run: prediction and control jobs, metrics, delivered file",
    { timeout: 400_000 },
    async () => {
      const folder = await temporaryFolder();
      const atlas = await simulatedAtlas(folder);
      const { command, genes } = await standInModel(folder, { atlas, unknown: UNKNOWN_GENES });
      const outcome = await haystack(
        [
          "run",
          "How would CD14+ monocytes respond to IFN-beta?",
          "--data-dir",
          folder,
          "--seed",
          "7",
          "--max-iterations",
          "1",
          "--json",
        ],
        {
          env: { INFERENCE_COMMAND: command, INFERENCE_MODEL: "stack" },
        },
      );
      expect([outcome.code, outcome.stderr]).toEqual([0, expect.any(String)]);
      const run = runDocumentSchema.parse(JSON.parse(outcome.stdout));
      expect(run).toMatchObject({
        status: "completed",
        control_strategy_effective: "synthetic_control",
        error: null,
      });

      const objects = directoryObjects({ root: join(folder, "objects") });
      const io = `batch-io/${run.run_id}/iter_1`;
      const query = await readH5ad(objects.location(`${io}/query.h5ad`));
      for (const name of ["predictions", "control_predictions"]) {
        const prediction = await readH5ad(objects.location(`${io}/${name}.h5ad`));
        expect(prediction.obs.index).toEqual(query.obs.index);
        expect(prediction.var.index).toEqual(query.var.index);
        expect(prediction.uns).toStrictEqual({
          model: "stack",
          is_baseline: 0,
          checkpoint: "stand-in.ckpt",
          checkpoint_sha256: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
          arc_stack: "unknown",
          haystack_worker: "0.2.0",
          settings: {
            batch_size: 32,
            context_ratio: 0.4,
            mode: "mdm",
            num_steps: 5,
            prompt_ratio: 0.25,
          },
          seed: 7,
          prompt_cells: expect.any(Number) as number,
          shared_genes: 295,
          genes_not_predicted: expect.any(Array) as string[],
        });
        expect(prediction.uns["genes_not_predicted"]).toHaveLength(UNKNOWN_GENES);
        const metrics = JSON.parse(
          await readFile(objects.location(`${io}/${name}.h5ad.metrics.json`), "utf8"),
        ) as unknown;
        expect(metrics).toStrictEqual({
          model: "stack",
          is_baseline: false,
          checkpoint: {
            name: "stand-in.ckpt",
            sha256: prediction.uns["checkpoint_sha256"],
          },
          settings: prediction.uns["settings"],
          seed: 7,
          prompt_cells: prediction.uns["prompt_cells"],
          cells: query.obs.index.length,
          cells_sent: 512,
          genes: 300,
          genes_shared: 295,
          genes_of_model: genes,
          device: "cpu",
          gpu: null,
          seconds: expect.any(Number) as number,
          model_seconds: expect.any(Number) as number,
          peak_rss_bytes: expect.any(Number) as number,
          versions: expect.any(Object) as object,
        });
      }
      const delivered = await readH5ad(run.output_anndata_path ?? "missing");
      const { model, is_baseline, checkpoint, run_id, final_score, ...rest } = delivered.uns;
      expect({ model, is_baseline, checkpoint, run_id, final_score }).toStrictEqual({
        model: "stack",
        is_baseline: false,
        checkpoint: "stand-in.ckpt",
        run_id: run.run_id,
        final_score: run.final_score,
      });
      expect(Object.keys(rest).toSorted()).toStrictEqual([
        "arc_stack",
        "atlas",
        "checkpoint_sha256",
        "confidence",
        "config",
        "control_strategy",
        "control_strategy_effective",
        "delivered_iteration",
        "enrichment_results",
        "evidence",
        "genes_not_predicted",
        "haystack_worker",
        "iterations",
        "prompt_cells",
        "query",
        "random_seed",
        "seed",
        "settings",
        "shared_genes",
        "simulated",
        "software",
        "structured_query",
        "termination_reason",
      ]);

      const read = await runPython<{ model: string; finite: boolean }>(
        `
import anndata, json, numpy, sys
a = anndata.read_h5ad(json.loads(sys.argv[1])["file"])
print(json.dumps({"model": str(a.uns["model"]), "finite": bool(numpy.isfinite(a.X.data).all())}))`,
        { file: objects.location(`${io}/predictions.h5ad`) },
      );
      expect(read).toEqual({ model: "stack", finite: true });
    },
  );

  test(
    "a job that fails carries the worker's exit code and reason",
    { timeout: 300_000 },
    async () => {
      const folder = await temporaryFolder();
      const atlas = await simulatedAtlas(folder, "--no-import");
      const { command } = await standInModel(folder, { atlas, behaviour: "gpu-memory" });
      const { batch, events, putCells } = await harnessWith(command);

      const starved = jobSpec();
      await putCells(starved, { prompt: atlas, query: atlas, split: true });
      await batch.submit(starved);
      const unsplit = jobSpec();
      await putCells(unsplit, { prompt: atlas, query: atlas, split: false });
      await batch.submit(unsplit);

      await events.until(starved.job_id, ENDED);
      expect((await batch.get(starved.job_id))?.failure).toEqual({
        kind: "application",
        exit_code: 6,
        reason:
          "The inference program ended with exit code 6: haystack-worker: The model ran out of memory: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        repeats: "never",
      });
      await events.until(unsplit.job_id, ENDED);
      expect((await batch.get(unsplit.job_id))?.failure).toStrictEqual({
        kind: "application",
        exit_code: 2,
        reason: expect.stringContaining("no obs column haystack_split") as string,
        repeats: "never",
      });
    },
  );
});

type Harness = Awaited<ReturnType<typeof localHarness>>;
type Spec = ReturnType<typeof jobSpec>;

/** An executor of this machine that runs `command` on cells of real files. */
async function harnessWith(command: string): Promise<
  Harness & {
    putCells: (
      spec: Spec,
      cells: { prompt: string; query: string; split: boolean },
    ) => Promise<void>;
  }
> {
  const harness = await localHarness({ program: inferenceProgram(command, "stack") });
  const objects = directoryObjects({ root: join(harness.root, "..", "the objects") });
  return {
    ...harness,
    async putCells(spec, cells) {
      await harness.putInputs(spec, {});
      await runPython(
        `
import anndata, json, sys
given = json.loads(sys.argv[1])
for name in ("prompt", "query"):
    adata = anndata.read_h5ad(given["cells"][name])[:20].copy()
    if given["cells"]["split"]:
        adata.obs["haystack_split"] = "all"
    adata.write_h5ad(given[name])
print("{}")`,
        { cells, prompt: objects.location(spec.prompt), query: objects.location(spec.query) },
      );
    },
  };
}
