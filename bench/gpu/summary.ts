import type { RunDocument } from "../../services/runs/document.ts";
import { randomStream } from "../../science/simulate/seeded-random.ts";
import { simulateAnswer, type Market } from "./simulated-jobs.ts";
import { WAYS, type Way } from "./ways.ts";

/** A question that was answered with one prompt an iteration and with several. */
export interface Answered {
  readonly set: string;
  readonly question: string;
  readonly single: Answer;
  readonly several: Answer;
}

export interface Answer {
  readonly run: RunDocument;
  /** Pearson of the delivered change with the withheld one; null where nothing was delivered. */
  readonly accuracy: number | null;
}

const answerOf = (answered: Answered, way: Way): Answer =>
  way === "version_2" ? answered.several : answered.single;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The means over questions; each simulated so often. */
function figuresOf(
  way: Way,
  answered: readonly Answered[],
  { market, seed, repeats }: SummaryOptions,
) {
  const taken = answered.map((each) => {
    const rounds = WAYS[way](answerOf(each, way).run);
    const random = randomStream(seed, `${way}/${each.set}/${each.question}`);
    const runs = Array.from({ length: repeats }, () => simulateAnswer(rounds, market, random));
    return {
      minutes: mean(runs.map(({ seconds }) => seconds)) / 60,
      usd: mean(runs.map(({ usd }) => usd)),
      jobs: rounds.reduce((sum, { jobs }) => sum + jobs.length, 0),
      predictions: rounds.flatMap(({ jobs }) => jobs).reduce((sum, { pairs }) => sum + pairs, 0),
    };
  });
  const over = (name: keyof (typeof taken)[number]): number =>
    mean(taken.map((each) => each[name]));
  return {
    minutes: over("minutes"),
    usd: over("usd"),
    jobs: over("jobs"),
    predictions: over("predictions"),
    iterations: mean(answered.map((each) => answerOf(each, way).run.iterations.length)),
    accuracy: mean(answered.map((each) => answerOf(each, way).accuracy ?? Number.NaN)),
  };
}

export interface SummaryOptions {
  readonly market: Market;
  readonly seed: number;
  readonly repeats: number;
}

/** At most half the time and a quarter of the money of version 1, and as accurate. */
const GOAL = { minutes: 0.5, usd: 0.25 };
/** Two standard errors of the mean difference hold 95% of it. */
const INTERVAL = 1.96;

export function summaryOf(answered: readonly Answered[], options: SummaryOptions) {
  const ways = {
    seed: figuresOf("seed", answered, options),
    version_1: figuresOf("version_1", answered, options),
    version_2: figuresOf("version_2", answered, options),
  } satisfies Record<Way, unknown>;
  const differences = answered.map(
    ({ single, several }) => (several.accuracy ?? Number.NaN) - (single.accuracy ?? Number.NaN),
  );
  const difference = mean(differences);
  const margin =
    INTERVAL *
    Math.sqrt(
      mean(differences.map((each) => (each - difference) ** 2)) / Math.max(1, answered.length - 1),
    );
  const ratio = {
    minutes: ways.version_2.minutes / ways.version_1.minutes,
    usd: ways.version_2.usd / ways.version_1.usd,
  };
  return {
    questions: answered.length,
    ways,
    version_2_to_version_1: {
      ...ratio,
      accuracy: { difference, low: difference - margin, high: difference + margin },
      better: differences.filter((each) => each > 0).length,
      worse: differences.filter((each) => each < 0).length,
    },
    met: {
      minutes: ratio.minutes <= GOAL.minutes,
      usd: ratio.usd <= GOAL.usd,
      accuracy: difference >= 0,
    },
  };
}
