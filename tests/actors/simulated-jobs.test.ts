import { expect, test } from "vitest";
import { withPreemptions } from "../../actors/run-estimate/assumptions.ts";
import { simulateAnswer, simulateJob, type Market } from "../../bench/gpu/simulated-jobs.ts";
import { randomStream } from "../../science/simulate/seeded-random.ts";

const MARKET: Market = {
  start: 300,
  drivers: 200,
  load: 100,
  prediction: 1_200,
  preemptions_an_hour: 1,
  usd: { SPOT: 0.36, STANDARD: 0.72 },
  spot_preemptions: Number.POSITIVE_INFINITY,
};
const CALM: Market = { ...MARKET, preemptions_an_hour: 0 };

const mean = (draws: number, secondsOf: () => number): number =>
  Array.from({ length: draws }, secondsOf).reduce((sum, each) => sum + each, 0) / draws;

test("a job that nothing is found of takes as long as the formula of the estimate says", () => {
  const random = randomStream(1, "jobs");
  const job = { pairs: 2, keeps: false };
  const seconds = mean(40_000, () => simulateJob(job, MARKET, random).seconds);
  expect(seconds / withPreemptions(3_000, 1)).toBeCloseTo(1, 1);
  expect(simulateJob(job, CALM, random)).toEqual({ seconds: 3_000, usd: (3_000 / 3_600) * 0.36 });
});

test("a job whose predictions are found again takes less where it is interrupted, and only there", () => {
  const of = (keeps: boolean, market: Market): number => {
    const random = randomStream(1, "jobs");
    return mean(20_000, () => simulateJob({ pairs: 4, keeps }, market, random).seconds);
  };
  expect(of(true, MARKET)).toBeLessThan(0.8 * of(false, MARKET));
  expect(of(true, CALM)).toBe(of(false, CALM));
});

test("after its preemptions a job gets a standard machine, at its price, and is not interrupted", () => {
  const market = { ...MARKET, preemptions_an_hour: 1e6, spot_preemptions: 2 };
  const { seconds, usd } = simulateJob({ pairs: 1, keeps: false }, market, randomStream(1, "jobs"));
  expect(seconds).toBeCloseTo(1_800, 0);
  expect(usd).toBeCloseTo(0.36, 3);
});

test("jobs side by side take the time of the longest and the money of all", () => {
  const jobs = [
    { pairs: 1, keeps: true },
    { pairs: 3, keeps: true },
  ];
  const random = randomStream(1, "jobs");
  const one = (side_by_side: boolean) => simulateAnswer([{ jobs, side_by_side }], CALM, random);
  expect([one(true).seconds, one(false).seconds]).toEqual([4_200, 6_000]);
  expect(one(true).usd).toBeCloseTo(0.6, 9);
  expect(simulateAnswer([], CALM, random)).toEqual({ seconds: 0, usd: 0 });
});
