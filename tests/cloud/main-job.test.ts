import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { openObjects } from "../../adapters/objects.ts";
import { loadConfig } from "../../config.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import { CLOUD, startCloud } from "../support/cloud.ts";
import { haystack } from "../support/command-line.ts";
import { KANG } from "../support/data.ts";
import { describeWith } from "../support/describe-with.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { DATA } from "../support/real-parts.ts";

const QUESTION = [
  "run",
  "How would CD14+ monocytes respond to IFN-beta?",
  "--atlas",
  KANG,
  "--seed",
  "7",
  "--json",
];

async function answered(
  env: Record<string, string>,
): Promise<{ document: RunDocument; predictions: AnnData }> {
  const folder = await temporaryFolder();
  const outcome = await haystack([...QUESTION, "--data-dir", folder], { env });
  expect([outcome.code, outcome.stderr]).toEqual([0, expect.not.stringMatching(/haystack: /)]);
  const document = runDocumentSchema.parse(JSON.parse(outcome.stdout));
  const objects = await openObjects(loadConfig(env, folder));
  const predictions = await readH5ad(
    await objects.fetch({ path: resultObjects(document.run_id).anndata }),
  );
  await objects.close();
  return { document, predictions };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Each starts several servers and a dozen processes. */
const SLOW_MS = 600_000;

describeWith(DATA, ...CLOUD)("MongoDB, Cloud Storage, Batch and Pub/Sub together", () => {
  test(
    "the main job gives byte-equal predictions and the same scores as the embedded run, and an account of GPU money",
    async () => {
      const cloud = await startCloud();
      const [here, there] = [
        await answered({}),
        await answered({ ...cloud.environment, PROMPTS_PER_ROUND: "1" }),
      ];
      expect(there.document).toMatchObject({
        status: "completed",
        control_strategy_effective: "synthetic_control",
      });
      expect(there.document.grounding_scores).toEqual(here.document.grounding_scores);
      const { X, obs, var: genes, uns } = there.predictions;
      for (const part of ["data", "indices", "indptr"] as const)
        expect(bytesOf(X[part]).equals(bytesOf(here.predictions.X[part]))).toBe(true);
      expect([X.nRows, X.nCols]).toEqual([here.predictions.X.nRows, here.predictions.X.nCols]);
      expect(obs).toEqual(here.predictions.obs);
      expect(genes).toEqual(here.predictions.var);
      // The ids are random.
      expect([uns["run_id"], uns["is_baseline"]]).toEqual([there.document.run_id, true]);
      expect({ ...uns, run_id: here.document.run_id }).toEqual(here.predictions.uns);
      expect(there.document.output_anndata_path).toMatch(/^gs:\/\/haystack-test\/results\//);
      expect(there.document.usage.gpu_seconds).toBeGreaterThan(0);
      expect(there.document.usage.gpu_cost_usd).toBeCloseTo(
        (there.document.usage.gpu_seconds / 3_600) * 0.35,
        6,
      );
    },
    SLOW_MS,
  );
});
