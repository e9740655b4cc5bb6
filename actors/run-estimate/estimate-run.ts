import type { ControlStrategy } from "../../science/query/structured-query.ts";
import type { BatchService, JobOffer } from "../../services/batch/index.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import {
  ASSUMED_BETWEEN,
  ASSUMED_ITERATIONS,
  ASSUMED_JOB,
  jobSeconds,
  withPreemptions,
} from "./assumptions.ts";
import type { MeasuredRun } from "./measured-run.ts";
import { around, combined, ENOUGH, exactly, product, rangeOf, sum, type Range } from "./range.ts";

export type RestsOn = "assumptions" | "measured_runs";

/** What a run will take, from its admission on, before it begins. */
export interface RunEstimate {
  /** Null where nothing says it. */
  readonly minutes: Range | null;
  /** US dollars; null where there is no price. */
  readonly usd: Range | null;
  /** Whether `usd` holds what the language model costs. */
  readonly language_model: "none" | "included" | "not_known";
  /** What GPU jobs take by; null where that is not known, or nothing is paid for. */
  readonly rests_on: RestsOn | null;
  /** How many completed runs it rests on. */
  readonly runs: number;
}

/** A question that is to be run. */
export interface Asked {
  readonly config: Pick<
    RunConfig,
    "max_iterations" | "score_threshold" | "control_job" | "max_gpu_cost_usd" | "prompts_per_round"
  >;
  readonly strategy: ControlStrategy;
}

interface Surroundings {
  readonly batch: Pick<BatchService, "model" | "offer" | "predictor">;
  readonly has_language_model: boolean;
  /** MAX_GPU_USD_PER_RUN: US dollars. */
  readonly most_gpu_usd: number;
  /** Of a run that does not say. */
  readonly prompts_per_round: number;
}

/** An iteration, as it is predicted. */
interface Shape {
  /** Side by side. */
  readonly jobs: number;
  readonly pairs: number;
}

interface Iteration {
  /** Seconds, all that it lasts. */
  readonly lasts: Range;
  /** Seconds of machines. */
  readonly paid: Range;
}

/** Offers are tried in order: more moves than these lead to the last. */
const MOST_OFFERS = 100;

function offersOf({ offer }: Pick<BatchService, "offer">): JobOffer[] {
  const found: JobOffer[] = [];
  for (let moves = 0; moves < MOST_OFFERS; moves += 1) {
    const next = offer(0, moves);
    if (next === null || JSON.stringify(next) === JSON.stringify(found.at(-1))) break;
    found.push(next);
  }
  return found;
}

/** US dollars an hour: the cheapest, the first, the dearest. */
const priceOf = (offers: readonly JobOffer[]): Range => {
  const usd = offers.map(({ usd_per_hour }) => usd_per_hour);
  return { low: Math.min(...usd), likely: usd[0] ?? 0, high: Math.max(...usd) };
};

/** Fewer pairs where prompts share their controls, or there are not so many. */
function shapeOf({ config, strategy }: Asked, usual: number): Shape {
  const ofPrompt = strategy === "synthetic_control" ? 2 : 1;
  return config.control_job === "separate"
    ? { jobs: ofPrompt, pairs: ofPrompt }
    : { jobs: 1, pairs: ofPrompt * (config.prompts_per_round ?? usual) };
}

/** By what is assumed of a job. */
function assumed({ jobs, pairs }: Shape, [first]: readonly JobOffer[]): Iteration {
  const rate = first?.provisioning === "SPOT" ? ASSUMED_JOB.preemptions_an_hour : 0;
  const seconds = around(withPreemptions(jobSeconds(ASSUMED_JOB, pairs / jobs), rate));
  return { lasts: sum(seconds, around(ASSUMED_BETWEEN)), paid: product(seconds, exactly(jobs)) };
}

/** A run of another shape took more or fewer predictions, and as many starts as it had jobs. */
function secondsOfMachines(
  { pairs, jobs, seconds }: NonNullable<MeasuredRun["jobs"]>,
  now: Shape,
): { readonly start: number; readonly prediction: number; readonly paid: number } {
  const prediction = Math.min(ASSUMED_JOB.prediction, seconds / pairs);
  const start = (seconds - pairs * prediction) / jobs;
  return { start, prediction, paid: now.jobs * start + now.pairs * prediction };
}

function measured(runs: readonly MeasuredRun[], shape: Shape): Iteration {
  const each = runs.flatMap(({ jobs, seconds }) => {
    if (jobs === null || seconds === null) return [];
    const { start, prediction, paid } = secondsOfMachines(jobs, shape);
    const lasts =
      seconds.between + seconds.waiting + start + (shape.pairs / shape.jobs) * prediction;
    return [{ paid, lasts }];
  });
  return {
    lasts: rangeOf(each.map(({ lasts }) => lasts)),
    paid: rangeOf(each.map(({ paid }) => paid)),
  };
}

/** Of runs with the same aim: those that ended by themselves, or might have had as many. */
function iterationsOf({ config }: Asked, runs: readonly MeasuredRun[]): Range {
  const most = config.max_iterations;
  const taken = runs
    .filter(
      ({ score_threshold, iterations, may_have_iterated }) =>
        score_threshold === config.score_threshold &&
        (may_have_iterated >= most || iterations < may_have_iterated),
    )
    .map(({ iterations }) => Math.min(iterations, most));
  if (taken.length >= ENOUGH) return rangeOf(taken);
  const likely = taken.length > 0 ? rangeOf(taken).likely : Math.min(most, ASSUMED_ITERATIONS);
  return { low: 1, likely, high: most };
}

function languageModel(
  runs: readonly MeasuredRun[],
  iterations: Range,
  isThere: boolean,
): { readonly says: RunEstimate["language_model"]; readonly usd: Range } {
  if (!isThere) return { says: "none", usd: exactly(0) };
  const spent = runs.filter(({ model_tokens }) => model_tokens > 0);
  return spent.length === 0
    ? { says: "not_known", usd: exactly(0) }
    : {
        says: "included",
        usd: product(rangeOf(spent.map(({ model_usd }) => model_usd)), iterations),
      };
}

/**
 * Minutes and US dollars that a run will take, from what completed runs of this deployment took
 * where some had the model and a machine that are offered now, at the prices of now, and otherwise
 * from what is assumed. The arithmetic is in docs/operations.md. Where nothing is paid for that is
 * said; without a price or a time nothing is.
 */
export function estimateRun(
  asked: Asked,
  { batch, has_language_model, most_gpu_usd, prompts_per_round }: Surroundings,
  completed: readonly MeasuredRun[],
): RunEstimate {
  const offers = offersOf(batch);
  const ofModel = completed.filter(({ model }) => model === batch.model.name);
  const alike = ofModel.filter((run) => isAlike(run, offers));
  const shape = shapeOf(asked, prompts_per_round);
  const iterations = iterationsOf(asked, ofModel);
  const restsOn = alike.length > 0 ? "measured_runs" : offers.length > 0 ? "assumptions" : null;
  const one =
    restsOn === null
      ? null
      : restsOn === "measured_runs"
        ? measured(alike, shape)
        : assumed(shape, offers);
  const most = Math.min(asked.config.max_gpu_cost_usd ?? most_gpu_usd, most_gpu_usd);
  const gpu =
    batch.predictor === undefined
      ? exactly(0)
      : one === null || offers.length === 0
        ? null
        : gpuUsd(one, iterations, offers, most);
  const model = languageModel(ofModel, iterations, has_language_model);
  return {
    minutes: one === null ? null : product(product(one.lasts, iterations), exactly(1 / 60)),
    usd: gpu === null ? null : sum(gpu, model.usd),
    language_model: model.says,
    rests_on: restsOn,
    runs: alike.length,
  };
}

/** It had jobs, all on machines that are offered now. */
const isAlike = ({ jobs, seconds, machines }: MeasuredRun, offers: readonly JobOffer[]): boolean =>
  jobs !== null &&
  seconds !== null &&
  machines.length > 0 === offers.length > 0 &&
  machines.every((had) => offers.some(({ machine }) => machine === had));

/** No job is begun once `most` is spent: the last ones may go beyond it. */
function gpuUsd(
  { paid }: Iteration,
  iterations: Range,
  offers: readonly JobOffer[],
  most: number,
): Range {
  const ofIteration = product(paid, product(priceOf(offers), exactly(1 / 3_600)));
  return combined(product(ofIteration, iterations), exactly(most + ofIteration.high), Math.min);
}
