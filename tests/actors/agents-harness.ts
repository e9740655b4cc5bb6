import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atlasCatalogue, type AtlasCatalogue } from "../../actors/atlas-catalogue.ts";
import type { AgentModel } from "../../actors/agents/session.ts";
import { iterationObjects } from "../../actors/run-objects.ts";
import type { StepPorts } from "../../actors/ports.ts";
import * as tasks from "../../actors/tasks.ts";
import type { PairName } from "../../machines/pair-types.ts";
import type { AnalyzeInput, EvaluateInput, PromptInput } from "../../machines/step-types.ts";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { Clock } from "../../services/clock/index.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { Compute } from "../../services/compute/index.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import type { StepContext } from "../../actors/host/step.ts";
import { run, temporaryStore } from "../support/hosted-runs.ts";
import { memoryShared } from "../support/memory-shared.ts";
import { startModelServer, type ModelServer } from "../support/model-server.ts";

/** The real steps on a simulated atlas, with a scripted model server. */

const byName: tasks.Tasks = { ...tasks };

/** The tasks in this thread. */
export const compute: Compute<tasks.Tasks> = {
  run: async (name, input, signal) => {
    signal?.throwIfAborted();
    // oxlint-disable-next-line typescript/no-explicit-any -- the port's types hold name and input together
    return (byName[name] as (given: any) => Promise<any>)(input);
  },
  close: () => Promise.resolve(),
};

const batch = { model: { name: "delta-transfer", is_baseline: true } };

export interface SharedAtlas {
  readonly objects: ObjectStore;
  readonly atlases: AtlasCatalogue;
  /** Folder of imported knowledge; absent until something is imported. */
  readonly knowledge: string;
  /** That it was imported from. */
  readonly file: string;
  /** Of steps that keep nothing and ask no model. */
  readonly ports: StepPorts;
  close(): Promise<void>;
}

/** A simulated atlas of known cell types and perturbations, imported once. */
export async function simulatedAtlas(): Promise<SharedAtlas> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-agents-"));
  const objects = directoryObjects({ root: join(folder, "objects") });
  const knowledge = join(folder, "knowledge");
  const atlases = atlasCatalogue(objects, compute, knowledge);
  const file = join(folder, "simulated.h5ad");
  await tasks.simulate({ file, options: { seed: 1, nGenes: 700, cellsPerGroup: 8, nDonors: 2 } });
  await atlases.import({ source: file });
  return {
    objects,
    atlases,
    knowledge,
    file,
    ports: { objects, atlases, compute, knowledge, batch } as unknown as StepPorts,
    async close() {
      await objects.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A run store of the run r1 that answers what steps ask and keeps nothing. */
export const keepsNothing = (): StepPorts["runs"] => ({
  get: async () => ({ document: run("r1") }) as RunRecord,
  history: async () => [],
  usedBy: async () => ({ queued: 0, gpu_cost_usd: 0, gpu_reserved_usd: 0 }),
  shared: memoryShared(),
  journalGet: async () => undefined,
  journalPut: async (_run, _key, value) => value,
});

export const LIMITS: AgentModel["limits"] = {
  max_turns: 6,
  max_tokens: 200_000,
  max_usd: 1,
  timeout_ms: 60_000,
};
export const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";

export interface Bench {
  readonly server: ModelServer;
  readonly runs: RunStore;
  readonly ports: StepPorts;
  /** The same run and store, without a model or with other limits. */
  portsWith(model: AgentModel | null, runs?: StepPorts["runs"], clock?: Clock): StepPorts;
}

export async function bench(
  { objects, atlases, knowledge }: SharedAtlas,
  limits: Partial<AgentModel["limits"]> = {},
): Promise<Bench> {
  const server = await startModelServer();
  const runs = await temporaryStore();
  await runs.insert(run("r1"));
  const portsWith = (
    model: AgentModel | null,
    store: StepPorts["runs"] = runs,
    clock: Clock = systemClock,
  ): StepPorts =>
    ({
      runs: store,
      clock,
      objects,
      atlases,
      compute,
      knowledge,
      batch,
      ...(model === null ? {} : { model }),
    }) as unknown as StepPorts;
  return {
    server,
    runs,
    portsWith,
    ports: portsWith({ model: server.model(), limits: { ...LIMITS, ...limits } }),
  };
}

export function stepContext(): StepContext & { readonly stop: AbortController } {
  const stop = new AbortController();
  return { stop, signal: stop.signal, quiesce: () => Promise.resolve(), resumed: false };
}

const config = run("r1").config;
export const analyzeInput = (query = QUESTION): AnalyzeInput => ({ run_id: "r1", query, config });

export const promptInput = (
  structured_query: StructuredQuery,
  more: Partial<PromptInput> = {},
): PromptInput => ({
  run_id: "r1",
  config: { ...config, prompt_cells: 40, query_cells: 30 },
  random_seed: 1,
  iteration: 1,
  structured_query,
  control_strategy_effective: "synthetic_control",
  iterations: [],
  ...more,
});

/**
 * An iteration whose predictions are the atlas's own treated cells, compared with its control
 * cells.
 */
export async function evaluateInput(
  { objects, atlases }: SharedAtlas,
  structured_query: StructuredQuery,
): Promise<EvaluateInput> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-agents-"));
  const places = (await atlases.open([])).map(({ dir }) => ({ dir, withhold: null }));
  const groups = (await atlases.list())
    .flatMap((index) => index.groups)
    .filter(({ cell_type }) => structured_query.cell_type.atlas_labels.includes(cell_type));
  const treated = groups.filter(
    ({ perturbation_id }) => perturbation_id === structured_query.perturbation.id,
  );
  const control = groups.filter(({ is_control }) => is_control);
  const paths = iterationObjects("r1", 1);
  const draw = async (path: string, wanted: typeof groups) => {
    const output = join(folder, "drawn.h5ad");
    await tasks.draw({
      places,
      parts: wanted.map(({ group_id, n_cells }) => ({ group_id, n_cells })),
      seed: 1,
      output,
    });
    await objects.put(path, output);
    return readH5ad(output);
  };
  const prompt = await draw(paths.prompt("prediction"), treated);
  const controlPrompt = await draw(paths.prompt("control"), control);
  const query = await draw(paths.query, control);
  const predict = async (kind: PairName, shown: AnnData) => {
    const output = join(folder, "predicted.h5ad");
    await writeH5ad(output, deltaTransfer(shown, query));
    return objects.put(paths.predictions(kind), output);
  };
  const cells = treated.reduce((sum, { n_cells }) => sum + n_cells, 0);
  const parts = treated.map(({ group_id, n_cells, donor }) => ({
    group_id,
    control_group_id: control.find((group) => group.donor === donor)?.group_id ?? null,
    weight: n_cells / cells,
  }));
  const round = {
    plan: await objects.putText("agents-test/plan.json", JSON.stringify({ chosen: { parts } })),
    candidate_id: "direct-1",
    prompt_strategy: "direct" as const,
    prompt_rationale: "",
    prompt_cells: 10,
    query_cells: 10,
    predictions: await predict("prediction", prompt),
    control_predictions: await predict("control", controlPrompt),
  };
  await rm(folder, { recursive: true });
  return {
    run_id: "r1",
    config,
    random_seed: 1,
    iteration: 1,
    structured_query,
    control_strategy_effective: "synthetic_control",
    round,
  };
}
