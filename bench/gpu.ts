import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import pLimit from "p-limit";
import { ASSUMED_JOB } from "../actors/run-estimate/assumptions.ts";
import { loadConfig } from "../config.ts";
import { openDaemon, type Daemon } from "../daemon.ts";
import { ownProgram } from "../own-files.ts";
import { pearson } from "../science/statistics/correlation.ts";
import { runConfigSchema } from "../services/runs/document.ts";
import { questions, type AskedTarget } from "./gpu/questions.ts";
import type { Market } from "./gpu/simulated-jobs.ts";
import { summaryOf, type Answer, type Answered } from "./gpu/summary.ts";
import { ask, importSet } from "./truth/ask.ts";
import { halves } from "./truth/cells.ts";
import { deliveredChange } from "./truth/judge.ts";
import { without } from "./truth/withhold.ts";

/**
 * Minutes and dollars of GPU jobs an answer, in three ways to spread its predictions over jobs, with
 * the accuracy reached. The product answers each question here, with delta transfer in place of the
 * model; the jobs that it asked for are then done by simulated machines. The cells of the answer
 * and half of the controls are withheld. The measured data are read from HAYSTACK_TEST_DATA.
 * Exits with 1 where version 2 misses its goal.
 */

const DEFAULTS = runConfigSchema.parse({});

const { values: given } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    questions: { type: "string", default: "100" },
    "prompts-per-round": { type: "string", default: "1" },
    "score-threshold": { type: "string", default: String(DEFAULTS.score_threshold) },
    "max-iterations": { type: "string", default: String(DEFAULTS.max_iterations) },
    /** Iterations that version 2 may use; those of the others when absent. */
    rounds: { type: "string" },
    seed: { type: "string", default: "1" },
    /** How often each answer's jobs are simulated. */
    repeats: { type: "string", default: "200" },
    "start-seconds": { type: "string", default: String(ASSUMED_JOB.start) },
    "driver-seconds": { type: "string", default: String(ASSUMED_JOB.drivers) },
    "load-seconds": { type: "string", default: String(ASSUMED_JOB.load) },
    "prediction-seconds": { type: "string", default: String(ASSUMED_JOB.prediction) },
    "preemptions-an-hour": { type: "string", default: String(ASSUMED_JOB.preemptions_an_hour) },
    "spot-preemptions": { type: "string", default: "2" },
    machine: { type: "string", default: "g2-standard-8 with 1 nvidia-l4" },
    /** MACHINE=SPOT/STANDARD, ...: US dollars an hour. */
    prices: { type: "string", default: "g2-standard-8 with 1 nvidia-l4=0.35/0.85" },
  },
});

/** Questions in work together. */
const AT_ONCE = 2;

function wrong(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

function number(name: keyof typeof given, least: number): number {
  const value = Number(given[name]);
  return Number.isFinite(value) && value >= least
    ? value
    : wrong(`--${name} must be a number of at least ${least}.`);
}

function whole(name: keyof typeof given, least: number): number {
  const value = number(name, least);
  return Number.isInteger(value) ? value : wrong(`--${name} must be a whole number.`);
}

function prices(): Market["usd"] {
  const row = given.prices.split(",").find((text) => text.trim().startsWith(`${given.machine}=`));
  const [, spot, standard] = /=\s*(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)\s*$/.exec(row ?? "") ?? [];
  return spot === undefined || standard === undefined
    ? wrong(`--prices has no SPOT/STANDARD of ${given.machine}; add MACHINE=0.35/0.85.`)
    : { SPOT: Number(spot), STANDARD: Number(standard) };
}

const market: Market = {
  start: number("start-seconds", 0),
  drivers: number("driver-seconds", 0),
  load: number("load-seconds", 0),
  prediction: number("prediction-seconds", 0),
  preemptions_an_hour: number("preemptions-an-hour", 0),
  spot_preemptions: whole("spot-preemptions", 0),
  usd: prices(),
};
const seed = whole("seed", 0);
const repeats = whole("repeats", 1);
const promptsPerRound = whole("prompts-per-round", 1);
const score_threshold = whole("score-threshold", 1);
const max_iterations = whole("max-iterations", 1);
const rounds = given.rounds === undefined ? max_iterations : whole("rounds", 1);
const count = whole("questions", 1);

/**
 * The program of the baseline as a model of one's own: its predictions are found again, by the run
 * that made them alone.
 */
const MODEL = {
  INFERENCE_COMMAND: `env SEED={seed} "${process.execPath}" "${ownProgram("science/inference/delta-transfer-main.ts")}" --prompt {prompt} --query {query} --output {output}`,
  INFERENCE_MODEL: "stand-in",
};

async function answer(
  daemon: Daemon,
  { set, cells, target }: AskedTarget,
  { folder, number: place }: { readonly folder: string; readonly number: number },
): Promise<Answered> {
  const name = `${set.name}-${place}`;
  const [queried, unseen] = halves(cells.controls(target), seed, name);
  const truth = cells.delta(cells.treated(target), unseen);
  const question = set.question(target);
  await importSet(daemon, set, {
    atlas: without(cells.adata, [...cells.treated(target), ...unseen]),
    folder,
    dataset: name,
  });
  const by = async (config: Readonly<Record<string, number>>): Promise<Answer> => {
    const { run, delivered } = await ask(daemon, question, {
      seed,
      config: { datasets: [name], score_threshold, ...config },
    });
    const accuracy =
      delivered === null ? null : pearson(deliveredChange(delivered, cells, queried).delta, truth);
    return { run, accuracy };
  };
  const single = await by({ max_iterations });
  const isSame = promptsPerRound === 1 && rounds === max_iterations;
  return {
    set: set.name,
    question,
    single,
    several: isSame
      ? single
      : await by({
          max_iterations: rounds,
          ...(promptsPerRound === 1 ? {} : { prompts_per_round: promptsPerRound }),
        }),
  };
}

const folder = await mkdtemp(join(tmpdir(), "haystack-gpu-"));
try {
  const asked = await questions(
    resolve(process.env["HAYSTACK_TEST_DATA"] ?? "../shared/data"),
    folder,
    count,
  );
  const daemon = await openDaemon(loadConfig({ ...process.env, ...MODEL }, join(folder, "data")), {
    sweeps: false,
    onTrouble: (error) => console.error(error.message),
  });
  let all: Answered[];
  try {
    all = await pLimit(AT_ONCE).map(asked.entries(), ([place, target]) =>
      answer(daemon, target, { folder, number: place }),
    );
  } finally {
    await daemon.close();
  }
  const answered = all.filter(
    ({ single, several }) => single.accuracy !== null && several.accuracy !== null,
  );
  const summarise = (each: readonly Answered[]) => summaryOf(each, { market, seed, repeats });
  const summary = summarise(answered);
  const passed = Object.values(summary.met).every(Boolean);
  const bySet = Object.fromEntries(
    [...Map.groupBy(answered, ({ set }) => set)].map(([set, each]) => [set, summarise(each)]),
  );
  if (given.json)
    console.log(
      JSON.stringify(
        {
          benchmark: "gpu",
          passed,
          options: {
            ...market,
            machine: given.machine,
            seed,
            repeats,
            score_threshold,
            max_iterations,
            rounds,
            prompts_per_round: promptsPerRound,
          },
          asked: asked.length,
          ...summary,
          by_set: bySet,
          not_answered: all
            .filter((each) => !answered.includes(each))
            .map(({ set, question, single, several }) => ({
              set,
              question,
              why: single.run.error_message ?? several.run.error_message,
            })),
        },
        null,
        1,
      ),
    );
  else {
    console.table(summary.ways);
    console.log(summary.version_2_to_version_1, summary.met);
  }
  process.exitCode = passed ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
