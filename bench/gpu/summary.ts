import type { RunDocument } from "../../services/runs/document.ts";
import { randomStream } from "../../science/simulate/seeded-random.ts";
import type { GpuOptions } from "./options.ts";
import { choiceFigures, type TriedPromptOutcome } from "./choice.ts";
import { simulateAnswer } from "./simulated-jobs.ts";
import { WAYS, type Way } from "./ways.ts";

/** A question that was answered with one prompt an iteration and with several. */
export interface Answered {
  readonly set: string;
  readonly question: string;
  readonly single: Answer;
  readonly several: Answer;
  /** Those of the first round, where it has several. */
  readonly prompts: readonly TriedPromptOutcome[];
}

export interface Answer {
  readonly run: RunDocument;
  /** Pearson of the predicted change with the withheld one. */
  readonly accuracy: number;
}

export type SummaryOptions = Pick<GpuOptions, "market" | "seed" | "repeats">;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Means over questions; each simulated so often. */
function figuresOf(
  way: Way,
  answered: readonly Answered[],
  { market, seed, repeats }: SummaryOptions,
) {
  const { of, rounds: roundsOf } = WAYS[way];
  const taken = answered.map((each) => {
    const { run, accuracy } = each[of];
    const rounds = roundsOf(run);
    const random = randomStream(seed, `${way}/${each.set}/${each.question}`);
    const runs = Array.from({ length: repeats }, () => simulateAnswer(rounds, market, random));
    const jobs = rounds.flatMap((round) => round.jobs);
    return {
      minutes: mean(runs.map(({ seconds }) => seconds)) / 60,
      usd: mean(runs.map(({ usd }) => usd)),
      iterations: rounds.length,
      jobs: jobs.length,
      predictions: jobs.reduce((sum, { pairs }) => sum + pairs, 0),
      accuracy,
    };
  });
  const over = (name: keyof (typeof taken)[number]): number =>
    mean(taken.map((each) => each[name]));
  return {
    minutes: over("minutes"),
    usd: over("usd"),
    iterations: over("iterations"),
    jobs: over("jobs"),
    predictions: over("predictions"),
    accuracy: over("accuracy"),
  };
}

/** At most half the time and a quarter of the money, and as accurate. */
const GOAL = { minutes: 0.5, usd: 0.25 };
/** So many standard errors on both sides hold 95% of a mean. */
const INTERVAL = 1.96;

export function summaryOf(answered: readonly Answered[], options: SummaryOptions) {
  const of = (way: Way) => figuresOf(way, answered, options);
  const ways = {
    seed: of("seed"),
    version_1: of("version_1"),
    version_1_same_prompts: of("version_1_same_prompts"),
    version_2_one_prompt: of("version_2_one_prompt"),
    version_2: of("version_2"),
  } satisfies Record<Way, unknown>;
  const differences = answered.map(({ single, several }) => several.accuracy - single.accuracy);
  const difference = mean(differences);
  const margin =
    INTERVAL *
    Math.sqrt(
      mean(differences.map((each) => (each - difference) ** 2)) / Math.max(1, answered.length - 1),
    );
  const to = ({ minutes, usd }: { readonly minutes: number; readonly usd: number }) => ({
    minutes: ways.version_2.minutes / minutes,
    usd: ways.version_2.usd / usd,
  });
  const toVersion1 = to(ways.version_1);
  return {
    questions: answered.length,
    ways,
    accuracy_of_version_2: {
      difference,
      low: difference - margin,
      high: difference + margin,
      better: differences.filter((each) => each > 0).length,
      worse: differences.filter((each) => each < 0).length,
    },
    choice: choiceFigures(answered.map(({ prompts }) => prompts)),
    version_2_to_version_1: toVersion1,
    version_2_to_version_1_same_prompts: to(ways.version_1_same_prompts),
    met: {
      minutes: toVersion1.minutes <= GOAL.minutes,
      usd: toVersion1.usd <= GOAL.usd,
      accuracy: difference >= 0,
    },
  };
}
