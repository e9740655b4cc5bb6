import { parseArgs } from "node:util";
import { ASSUMED_JOB } from "../../actors/run-estimate/assumptions.ts";
import { runConfigSchema } from "../../services/runs/document.ts";
import type { Market } from "./simulated-jobs.ts";

const DEFAULTS = runConfigSchema.parse({});

export interface GpuOptions {
  readonly json: boolean;
  readonly questions: number;
  readonly seed: number;
  /** How often each answer's jobs are simulated. */
  readonly repeats: number;
  readonly score_threshold: number;
  readonly max_iterations: number;
  /** Iterations that version 2 may use. */
  readonly rounds: number;
  readonly prompts_per_round: number;
  readonly machine: string;
  readonly market: Market;
}

function wrong(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

/** A wrong one ends the process with 2. */
export function readOptions(): GpuOptions {
  const { values: given } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      questions: { type: "string", default: "100" },
      seed: { type: "string", default: "1" },
      repeats: { type: "string", default: "200" },
      "score-threshold": { type: "string", default: String(DEFAULTS.score_threshold) },
      "max-iterations": { type: "string", default: String(DEFAULTS.max_iterations) },
      rounds: { type: "string" },
      "prompts-per-round": { type: "string", default: "4" },
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

  const number = (name: keyof typeof given, least: number): number => {
    const value = Number(given[name]);
    return Number.isFinite(value) && value >= least
      ? value
      : wrong(`--${name} must be a number of at least ${least}.`);
  };
  const whole = (name: keyof typeof given, least: number): number => {
    const value = number(name, least);
    return Number.isInteger(value) ? value : wrong(`--${name} must be a whole number.`);
  };
  const row = given.prices.split(",").find((text) => text.trim().startsWith(`${given.machine}=`));
  const [, spot, standard] = /=\s*(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)\s*$/.exec(row ?? "") ?? [];
  if (spot === undefined || standard === undefined)
    wrong(`--prices has no SPOT/STANDARD of ${given.machine}; add MACHINE=0.35/0.85.`);
  const max_iterations = whole("max-iterations", 1);
  return {
    json: given.json,
    questions: whole("questions", 1),
    seed: whole("seed", 0),
    repeats: whole("repeats", 1),
    score_threshold: whole("score-threshold", 1),
    max_iterations,
    rounds: given.rounds === undefined ? max_iterations : whole("rounds", 1),
    prompts_per_round: whole("prompts-per-round", 1),
    machine: given.machine,
    market: {
      start: number("start-seconds", 0),
      drivers: number("driver-seconds", 0),
      load: number("load-seconds", 0),
      prediction: number("prediction-seconds", 0),
      preemptions_an_hour: number("preemptions-an-hour", 0),
      spot_preemptions: whole("spot-preemptions", 0),
      usd: { SPOT: Number(spot), STANDARD: Number(standard) },
    },
  };
}
