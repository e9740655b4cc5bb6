import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StepPorts } from "../../actors/ports.ts";
import { iterationObjects } from "../../actors/run-objects.ts";
import { prepareJob } from "../../actors/steps/prepare-job.ts";
import { pairsOfPrompts } from "../../machines/job-id.ts";
import type { ObjectReference, PairName } from "../../machines/pair-types.ts";
import type { CurrentRound } from "../../machines/run-types.ts";
import type { PromptOutput } from "../../machines/step-types.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import { stepContext } from "./agents-harness.ts";

/** Prepares the inputs of all pairs of the run r1, and predicts each from them by delta transfer. */
export async function predictedRound(
  objects: ObjectStore,
  ports: StepPorts,
  round: PromptOutput,
): Promise<{ readonly manifest: readonly string[]; readonly round: CurrentRound }> {
  const pairs = pairsOfPrompts(round.prompts ?? []);
  const job = { run_id: "r1", iteration: 1, kind: "round", pairs, plan: round.plan } as const;
  await prepareJob(ports)(job, stepContext());
  const paths = iterationObjects("r1", 1);
  const manifest = JSON.parse(
    await readFile(await objects.fetch({ path: paths.manifest("round") }), "utf8"),
  ) as { pairs: { name: string }[] };
  const read = async (path: string) => readH5ad(await objects.fetch({ path }));
  const folder = await mkdtemp(join(tmpdir(), "haystack-rounds-"));
  const outputs: Partial<Record<PairName, ObjectReference>> = {};
  for (const pair of pairs) {
    const file = join(folder, "predicted.h5ad");
    await writeH5ad(file, deltaTransfer(await read(paths.prompt(pair)), await read(paths.query)));
    outputs[pair] = await objects.put(paths.predictions(pair), file);
  }
  await rm(folder, { recursive: true });
  return {
    manifest: manifest.pairs.map(({ name }) => name),
    round: {
      ...round,
      predictions: outputs.prediction ?? null,
      control_predictions: outputs.control ?? null,
      outputs,
    },
  };
}
