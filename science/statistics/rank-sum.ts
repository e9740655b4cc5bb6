import { twoSidedNormalP } from "./special-functions.ts";

export interface RankSumResult {
  /**
   * Standard score of the first sample's rank sum: positive when its values are larger. 0 when all
   * values are equal.
   */
  readonly z: number;
  /** Two-sided p value. */
  readonly p: number;
}

/**
 * Wilcoxon rank-sum test, normal approximation with tie correction and without continuity
 * correction: the same as scipy.stats.mannwhitneyu(method="asymptotic", use_continuity=False) and
 * as scanpy rank_genes_groups(method="wilcoxon", tie_correct=True).
 *
 * `a` and `b` hold ascending values; the samples have `sizeA` and `sizeB` values, and those not
 * listed are zeros. Listed zeros count as zeros. A sample of size 0 gives z 0, p 1.
 */
export function rankSumSparse(
  a: ArrayLike<number>,
  sizeA: number,
  b: ArrayLike<number>,
  sizeB: number,
): RankSumResult {
  const hiddenA = sizeA - a.length;
  const hiddenB = sizeB - b.length;
  const total = sizeA + sizeB;
  let i = 0;
  let j = 0;
  let below = 0;
  let ranksOfA = 0;
  let ties = 0;
  let zerosPending = hiddenA + hiddenB > 0;

  while (i < a.length || j < b.length || zerosPending) {
    let value = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    let countA = 0;
    let countB = 0;
    if (zerosPending && value >= 0) {
      value = 0;
      countA = hiddenA;
      countB = hiddenB;
      zerosPending = false;
    }
    while (i < a.length && a[i] === value) {
      countA += 1;
      i += 1;
    }
    while (j < b.length && b[j] === value) {
      countB += 1;
      j += 1;
    }
    const count = countA + countB;
    ranksOfA += countA * (below + (count + 1) / 2);
    ties += count * count * count - count;
    below += count;
  }

  const tieCorrection = total < 2 ? 1 : 1 - ties / (total * total * total - total);
  const deviation = Math.sqrt((tieCorrection * sizeA * sizeB * (total + 1)) / 12);
  const z = deviation > 0 ? (ranksOfA - (sizeA * (total + 1)) / 2) / deviation : 0;
  return { z, p: twoSidedNormalP(z) };
}

/** rankSumSparse on two plain samples in any order. */
export function rankSum(a: readonly number[], b: readonly number[]): RankSumResult {
  return rankSumSparse(
    Float64Array.from(a).toSorted(),
    a.length,
    Float64Array.from(b).toSorted(),
    b.length,
  );
}
