import { CHANGE_THRESHOLDS } from "../response/expected-changes.ts";
import { pearson, rank, spearman } from "../statistics/correlation.ts";
import { benjaminiHochberg } from "../statistics/benjamini-hochberg.ts";
import { twoSidedNormalP } from "../statistics/special-functions.ts";
import { meansOf, testByGene, type LogCells } from "./log-cells.ts";

/** How far a predicted difference agrees with a measured one, over all genes. NaN: it cannot be told. */
export interface Agreement {
  readonly pearson: number;
  readonly spearman: number;
  /** Mean over genes of the squared difference of the two. */
  readonly mse: number;
}

export const agreement = (predicted: Float64Array, measured: Float64Array): Agreement => ({
  pearson: pearson(predicted, measured),
  spearman: spearman(predicted, measured),
  mse: meanSquare(predicted.map((value, gene) => value - measured[gene]!)),
});

export const meanSquare = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value * value, 0) / values.length;

export const minus = (one: Float64Array, other: Float64Array): Float64Array =>
  one.map((value, at) => value - other[at]!);

export const meanOf = (vectors: readonly Float64Array[]): Float64Array =>
  vectors[0]!.map(
    (_, at) => vectors.reduce((sum, vector) => sum + vector[at]!, 0) / vectors.length,
  );

function rankSumP(both: Float64Array, n: number, m: number): number {
  let sum = 0;
  for (const each of rank(both).subarray(0, n)) sum += each;
  return twoSidedNormalP((sum - (n * (n + m + 1)) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12));
}

/**
 * 1 for each gene that has changed: the rank-sum test (scipy.stats.ranksums: normal approximation,
 * no correction for ties) of treated against control cells, adjusted by Benjamini-Hochberg.
 */
export function trulyChanged(treated: LogCells, control: LogCells): Uint8Array {
  const adjusted = benjaminiHochberg(testByGene(treated, control, rankSumP));
  const change = minus(meansOf(treated), meansOf(control));
  return Uint8Array.from(adjusted, (value, gene) =>
    value < CHANGE_THRESHOLDS.maxAdjustedP && Math.abs(change[gene]!) >= CHANGE_THRESHOLDS.minChange
      ? 1
      : 0,
  );
}

/** How well a ranking finds the genes that truly changed. NaN where none or all did. */
export interface RankingFigures {
  readonly auroc: number;
  readonly average_precision: number;
  readonly precision_at_50: number;
}

const FIRST = 50;

/** `score`: higher ranks first; equal scores in the order of the genes. */
export function rankingFigures(score: Float64Array, changed: Uint8Array): RankingFigures {
  const hits = changed.reduce((sum, flag) => sum + flag, 0);
  const misses = changed.length - hits;
  const ranks = rank(score);
  let ranksOfHits = 0;
  changed.forEach((flag, gene) => (ranksOfHits += flag * ranks[gene]!));
  const order = [...score.keys()].toSorted((a, b) => score[b]! - score[a]! || a - b);
  let found = 0;
  let precision = 0;
  let early = 0;
  order.forEach((gene, at) => {
    if (changed[gene] === 0) return;
    found += 1;
    precision += found / (at + 1);
    if (at < FIRST) early += 1;
  });
  return {
    auroc: (ranksOfHits - (hits * (hits + 1)) / 2) / (hits * misses),
    average_precision: precision / hits,
    precision_at_50: early / Math.min(FIRST, changed.length),
  };
}

/** Share of the genes that truly changed whose predicted difference has the sign of the measured. */
export function directionAccuracy(
  predicted: Float64Array,
  measured: Float64Array,
  changed: Uint8Array,
): number {
  let [total, same] = [0, 0];
  changed.forEach((flag, gene) => {
    if (flag === 0) return;
    total += 1;
    if (Math.sign(predicted[gene]!) === Math.sign(measured[gene]!)) same += 1;
  });
  return same / total;
}

/**
 * How far two halves of the truth agree; of the whole by Spearman and Brown (1910); and what a
 * predictor without noise of its own could reach against it.
 */
export interface Ceiling {
  readonly r_half: number;
  readonly r_full: number;
  readonly r_noise_free: number;
}

export function ceiling(oneHalf: Float64Array, otherHalf: Float64Array): Ceiling {
  const r = pearson(oneHalf, otherHalf);
  const full = (2 * r) / (1 + r);
  return { r_half: r, r_full: full, r_noise_free: Math.sqrt(Math.max(full, 0)) };
}
