import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resultObjects } from "../actors/run-objects.ts";
import { localProgram } from "../adapters/inference.ts";
import { askedOf, recordedOutside } from "../adapters/recorded.ts";
import { openRunArchive, type RunArchive } from "../adapters/run-archive.ts";
import { loadConfig, type Config } from "../config.ts";
import { openDaemon } from "../daemon.ts";
import { HaystackError } from "../errors.ts";
import { differencesOf, type Difference } from "../science/anndata/compare.ts";
import { newRun, type RunDocument } from "../services/runs/document.ts";
import { SOFTWARE } from "../software.ts";
import { followToEnd } from "./hosted-run.ts";
import { note } from "./output.ts";
import type { Progress } from "./progress.ts";

export interface Reproduction {
  readonly run_id: string;
  readonly same: boolean;
  readonly differences: readonly Difference[];
}

/** What this machine computes with; everything else is as the export has it, or the default. */
const OF_THIS_MACHINE = /^(COMPUTE_|LOCAL_JOBS$|INFERENCE_|POLL_MILLISECONDS$|RECONCILE_SECONDS$)/;
const OF_THE_MODEL = /^(OPENAI_|MODEL_)/;
/** A language model is configured by its key; none is used. */
const NO_KEY = "nobody-is-asked-anew";

/**
 * Does an exported run again in a data folder of its own, from the same question, seed, settings,
 * atlases and recorded answers, and compares what it delivers value by value. Undefined when it was
 * interrupted. Errors: those of `openRunArchive`; ARCHIVE_UNSUPPORTED where the release or the model
 * is another than the run's, or something was asked that is not on record.
 */
export async function reproduce(
  config: Config,
  folder: string,
  progress: Progress,
): Promise<Reproduction | undefined> {
  progress.say("checking the export");
  const archive = await openRunArchive(folder);
  checkIsPossible(config, archive);
  const dataDir = await mkdtemp(join(tmpdir(), "haystack-reproduce-"));
  try {
    const place = placeFor(config, archive, dataDir);
    await archive.unpack(place);
    return await again(place, archive, progress);
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function checkIsPossible(config: Config, { document, log }: RunArchive): void {
  const { run_id } = document;
  const { software, model } = log;
  if (software.version !== SOFTWARE.version)
    throw new HaystackError(
      "ARCHIVE_UNSUPPORTED",
      `Run ${run_id} was answered by ${software.name} ${software.version}, and this is ${SOFTWARE.version}; only the release that answered can answer the same.`,
      { details: { run_id } },
    );
  const here = localProgram(config).model;
  if (here.name !== model.name || here.is_baseline !== model.is_baseline)
    throw new HaystackError(
      "ARCHIVE_UNSUPPORTED",
      `Run ${run_id} was predicted by ${model.name}, and here ${here.name} predicts; name its program in INFERENCE_COMMAND and ${model.name} in INFERENCE_MODEL${model.is_baseline ? ", or leave both out" : ""}.`,
      { details: { run_id } },
    );
}

/** Settings that bear on a run whoever decides. */
const OF_EACH_RUN: ReadonlySet<string> = new Set(["LOOKUPS", "PROMPTS_PER_ROUND"]);

function placeFor(config: Config, { journal, settings }: RunArchive, dataDir: string): Config {
  const asked = askedOf(journal);
  const ofThisMachine = Object.entries(config)
    .filter(([name, value]) => OF_THIS_MACHINE.test(name) && value !== undefined)
    .filter(([name]) => config.INFERENCE_COMMAND !== undefined || !name.startsWith("INFERENCE_"))
    .map(([name, value]) => [name, String(value)] as const);
  const ofTheRun = Object.entries(settings).filter(
    ([name]) => OF_EACH_RUN.has(name) || (asked.model && OF_THE_MODEL.test(name)),
  );
  return loadConfig(
    {
      ...Object.fromEntries([...ofTheRun, ...ofThisMachine]),
      ...(asked.model ? { OPENAI_API_KEY: NO_KEY } : {}),
    },
    dataDir,
  );
}

async function again(
  config: Config,
  { document: before, journal, delivered }: RunArchive,
  progress: Progress,
): Promise<Reproduction | undefined> {
  const { run_id, query, name, labels, random_seed } = before;
  const daemon = await openDaemon(config, {
    sweeps: false,
    outside: recordedOutside(config, journal),
    onCommitted: (document) => progress.show(document),
    onTrouble: (error) => note(`haystack: ${error.message}`),
  });
  try {
    for (const { key, value } of journal) await daemon.runs.journalPut(run_id, key, value);
    const run = newRun({
      run_id,
      query,
      name,
      labels,
      random_seed,
      config: before.config,
      user_email: null,
      now: Date.now(),
    });
    const { document: now, interrupted } = await followToEnd(daemon, run_id, () =>
      daemon.supervisor.submit(run),
    );
    if (interrupted) return undefined;
    if (now.error?.code === "ARCHIVE_UNSUPPORTED")
      throw new HaystackError("ARCHIVE_UNSUPPORTED", now.error.message, { details: { run_id } });
    const differences = differencesOf(compared(before), compared(now), "run");
    if (now.status === "completed") {
      progress.say("comparing what was delivered");
      const results = resultObjects(run_id);
      const files = {
        anndata: await daemon.objects.fetch({ path: results.anndata }),
        log: await daemon.objects.fetch({ path: results.log }),
      };
      differences.push(
        ...(await daemon.compute.run("compareDelivered", { before: delivered, now: files })),
      );
    }
    return { run_id, same: differences.length === 0, differences };
  } finally {
    progress.end();
    await daemon.close();
  }
}

/** Of a document what a run answers, and not when, for whom, where and at what pace. */
const compared = ({
  status,
  structured_query,
  control_strategy_effective,
  control_cells_available,
  atlases,
  grounding_scores,
  iterations,
  delivered_iteration,
  final_score,
  expected_accuracy,
  termination_reason,
  error,
}: RunDocument): object => ({
  status,
  structured_query,
  control_strategy_effective,
  control_cells_available,
  atlases,
  grounding_scores,
  iterations,
  delivered_iteration,
  final_score,
  expected_accuracy,
  termination_reason,
  error: error === null ? null : { code: error.code, message: error.message, phase: error.phase },
});
