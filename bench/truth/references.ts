import { pearson } from "../../science/statistics/correlation.ts";
import { halves, type SetCells } from "./cells.ts";
import type { Target } from "./sets.ts";

/** What a prediction is held against: no effect, the mean of the others, the best of them, the ceiling. */
export interface References {
  readonly no_effect_mse: number;
  /** Null where nothing else shows the perturbation. */
  readonly mean_of_others: { readonly pearson: number; readonly mse: number } | null;
  /** Knows the answer: the best that one other response could have done. */
  readonly best_single: number | null;
  /** Agreement of two halves of the truth, for all cells by Spearman-Brown, and its root: the ceiling. */
  readonly r_full: number;
  readonly r_noise_free: number;
  /** What half of the target's own treated cells find of its changed genes. */
  readonly ceiling: RankingFigures;
}

export interface RankingFigures {
  readonly auroc: number;
  readonly average_precision: number;
  readonly precision_at_50: number;
}

export const meanSquare = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i]! - b[i]!) ** 2;
  return sum / a.length;
};

/** `others`: what else shows the perturbation; `truth`: the controls that the prediction never saw. */
export function references(
  cells: SetCells,
  target: Target,
  others: readonly Target[],
  {
    truth,
    changed,
    seed,
  }: {
    readonly truth: Float64Array;
    readonly changed: readonly boolean[];
    readonly seed: number;
  },
): References {
  const deltas = others.map((other) => cells.delta(cells.treated(other), cells.controls(other)));
  const mean = truth.map(
    (_, gene) => deltas.reduce((sum, delta) => sum + delta[gene]!, 0) / deltas.length,
  );
  const [t1, t2] = halves(cells.treated(target), seed, "treated");
  const [c1, c2] = halves(cells.controls(target), seed, "controls");
  const first = cells.delta(t1, c1);
  const rHalf = pearson(first, cells.delta(t2, c2));
  const rFull = (2 * rHalf) / (1 + rHalf);
  return {
    no_effect_mse: meanSquare(truth, new Float64Array(truth.length)),
    mean_of_others:
      deltas.length === 0 ? null : { pearson: pearson(mean, truth), mse: meanSquare(mean, truth) },
    best_single:
      deltas.length === 0 ? null : Math.max(...deltas.map((delta) => pearson(delta, truth))),
    r_full: rFull,
    r_noise_free: Math.sqrt(Math.max(0, rFull)),
    ceiling: rankingFigures(first.map(Math.abs), changed),
  };
}

/** How far a score puts the changed genes first; NaN without any, or with nothing else. */
export function rankingFigures(score: Float64Array, changed: readonly boolean[]): RankingFigures {
  const order = [...score.keys()].toSorted((a, b) => score[b]! - score[a]! || a - b);
  const positives = changed.filter(Boolean).length;
  let found = 0;
  let precision = 0;
  let above = 0;
  let at = 0;
  while (at < order.length) {
    let end = at;
    while (end < order.length && score[order[end]!] === score[order[at]!]) end += 1;
    const tied = order.slice(at, end).filter((gene) => changed[gene]).length;
    above += tied * (changed.length - positives - (at - found)) - (tied * (end - at - tied)) / 2;
    for (const [place, gene] of order.slice(at, end).entries())
      if (changed[gene] === true) {
        found += 1;
        precision += found / (at + place + 1);
      }
    at = end;
  }
  return {
    auroc: above / (positives * (changed.length - positives)),
    average_precision: precision / positives,
    precision_at_50: order.slice(0, 50).filter((gene) => changed[gene]).length / 50,
  };
}
