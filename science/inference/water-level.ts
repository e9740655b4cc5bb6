/**
 * Sums of the same values in another order differ by less than this share of them: float64 loses at
 * most 1.1e-16 of the sum with each of a million terms.
 */
const ROUNDING = 1e-9;

/**
 * The shift s with mean(max(0, value + s)) = target over `size` non-negative values, of which
 * `ascending` lists the non-zero ones in ascending order and the rest are zeros. Raising (target >=
 * mean) moves every value; lowering drains the smallest values first, found by going through the
 * sorted values from the largest ("water filling"). -Infinity when target is 0; 0 when the mean
 * differs from the target by no more than the order of summation does.
 */
export function waterLevel(ascending: ArrayLike<number>, size: number, target: number): number {
  if (target <= 0) return -Infinity;
  let sum = 0;
  for (let i = 0; i < ascending.length; i += 1) sum += ascending[i]!;
  const wanted = target * size;
  if (Math.abs(wanted - sum) <= ROUNDING * sum) return 0;
  if (wanted >= sum) return (wanted - sum) / size;

  let kept = 0;
  let keptSum = 0;
  for (let i = ascending.length - 1; i >= 0; i -= 1) {
    const value = ascending[i]!;
    if (kept > 0 && value <= (keptSum - wanted) / kept) break;
    kept += 1;
    keptSum += value;
  }
  return (wanted - keptSum) / kept;
}
