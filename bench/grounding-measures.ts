import { spearman } from "../science/statistics/correlation.ts";
import type { ScoredCase } from "./grounding-cases.ts";

const LEAST_AUROC = 0.95;
const LEAST_SPEARMAN = 0.7;
const MOST_SPREAD = 1;

const WRONG = ["shuffled", "reversed", "null", "wrong_perturbation"] as const;

/**
 * Bounds are met by the score as shown (rounded); figures of the unrounded composite stand beside.
 */
export function judgeScores({
  cases,
  spreads,
}: {
  readonly cases: readonly ScoredCase[];
  readonly spreads: readonly number[];
}) {
  const right = cases.filter(({ kind }) => kind === "true");
  const aurocs = WRONG.flatMap((kind) => {
    const wrong = cases.filter((one) => one.kind === kind);
    return [
      [`auroc_true_against_${kind}`, auroc(right, wrong, "score")],
      [`auroc_true_against_${kind}_unrounded`, auroc(right, wrong, "composite")],
    ] as const;
  });
  const compared = cases.filter(
    (one): one is ScoredCase & { pearson_delta: number } => one.pearson_delta !== null,
  );
  const good = compared.filter(({ kind }) => kind === "true");
  const over = (members: typeof compared, by: "score" | "composite"): number =>
    spearman(
      members.map((one) => one[by]),
      members.map((one) => one.pearson_delta),
    );
  const figures: Record<string, number> = {
    ...Object.fromEntries(aurocs),
    spearman_score_and_pearson_delta: over(compared, "score"),
    spearman_unrounded: over(compared, "composite"),
    spearman_among_true_unrounded: over(good, "composite"),
    widest_spread_over_20_seeds: Math.max(...spreads),
  };
  const passed =
    WRONG.every((kind) => (figures[`auroc_true_against_${kind}`] ?? 0) >= LEAST_AUROC) &&
    (figures["spearman_score_and_pearson_delta"] ?? 0) >= LEAST_SPEARMAN &&
    (figures["widest_spread_over_20_seeds"] ?? Infinity) <= MOST_SPREAD;
  return {
    passed,
    figures,
    kinds: Object.fromEntries(
      [...Map.groupBy(cases, ({ kind }) => kind)].map(([kind, members]) => [
        kind,
        summary(members),
      ]),
    ),
    cases,
  };
}

/**
 * Probability that a right prediction scores above a wrong one, ties counting half (Mann and
 * Whitney 1947).
 */
function auroc(
  right: readonly ScoredCase[],
  wrong: readonly ScoredCase[],
  by: "score" | "composite",
): number {
  let wins = 0;
  for (const a of right)
    for (const b of wrong) wins += a[by] > b[by] ? 1 : a[by] === b[by] ? 0.5 : 0;
  return wins / (right.length * wrong.length);
}

function summary(members: readonly ScoredCase[]) {
  const sorted = members.map(({ composite }) => composite).toSorted((a, b) => a - b);
  return {
    cases: members.length,
    lowest: sorted[0] ?? null,
    median: sorted[sorted.length >> 1] ?? null,
    highest: sorted.at(-1) ?? null,
  };
}
