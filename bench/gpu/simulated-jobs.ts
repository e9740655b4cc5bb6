import type { JobAssumptions } from "../../actors/run-estimate/assumptions.ts";
import { uniform, type RandomStream } from "../../science/simulate/seeded-random.ts";

/** Machines of Google Batch that are taken away at random, and what they cost. */

export interface Market extends JobAssumptions {
  /** US dollars an hour. */
  readonly usd: { readonly SPOT: number; readonly STANDARD: number };
  /** After so many preemptions a job gets a standard machine. */
  readonly spot_preemptions: number;
}

export interface SimulatedJob {
  readonly pairs: number;
  /** Whether what an attempt predicted is found by the next. */
  readonly keeps: boolean;
}

interface Taken {
  readonly seconds: number;
  readonly usd: number;
}

export function simulateJob(
  { pairs, keeps }: SimulatedJob,
  { start, drivers, load, prediction, preemptions_an_hour, usd, spot_preemptions }: Market,
  random: RandomStream,
): Taken {
  const begin = start + drivers + load;
  let taken: Taken = { seconds: 0, usd: 0 };
  let done = 0;
  for (let losses = 0; ; losses += 1) {
    const model = losses < spot_preemptions ? "SPOT" : "STANDARD";
    const needs = begin + (pairs - done) * prediction;
    const has =
      model === "SPOT" && preemptions_an_hour > 0
        ? (-Math.log(uniform(random)) / preemptions_an_hour) * 3_600
        : Number.POSITIVE_INFINITY;
    const seconds = Math.min(needs, has);
    taken = {
      seconds: taken.seconds + seconds,
      usd: taken.usd + (seconds / 3_600) * usd[model],
    };
    if (has >= needs) return taken;
    if (keeps) done += Math.max(0, Math.floor((seconds - begin) / prediction));
  }
}

/** An iteration of a run: its jobs. */
export interface Round {
  readonly jobs: readonly SimulatedJob[];
  readonly side_by_side: boolean;
}

/** Machines only: choosing cells and judging take the same in every way. */
export function simulateAnswer(
  rounds: readonly Round[],
  market: Market,
  random: RandomStream,
): Taken {
  let total: Taken = { seconds: 0, usd: 0 };
  for (const { jobs, side_by_side } of rounds) {
    const taken = jobs.map((job) => simulateJob(job, market, random));
    const seconds = taken.map((each) => each.seconds);
    total = {
      seconds:
        total.seconds +
        (side_by_side ? Math.max(0, ...seconds) : seconds.reduce((sum, each) => sum + each, 0)),
      usd: taken.reduce((sum, each) => sum + each.usd, total.usd),
    };
  }
  return total;
}
