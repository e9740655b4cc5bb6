/** Student's t at 95%, two-sided 90%, for 1 to 30 degrees of freedom; further ones are normal enough. */
const T_95 = [
  6.314, 2.92, 2.353, 2.132, 2.015, 1.943, 1.895, 1.86, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761,
  1.753, 1.746, 1.74, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701,
  1.699, 1.697,
] as const;
const NORMAL_95 = 1.645;
/** Correlations of 1 have no Fisher transform. */
const HIGHEST = 0.9999;

/**
 * The mean of correlations and a 90% interval for one more of their kind: with z = atanh(r), mean m
 * and standard deviation s of the n values, tanh(m -+ t(n - 1) s sqrt(1 + 1 / n)) (Fisher 1921; the
 * prediction interval of a normal sample). Values of one cluster tell hardly more than one: n in t
 * and 1 / n is the number of clusters, at least two.
 */
export function predictionInterval(
  correlations: readonly number[],
  clusters = correlations.length,
): {
  readonly pearson: number;
  readonly low: number;
  readonly high: number;
} {
  const z = correlations.map((r) => Math.atanh(Math.max(-HIGHEST, Math.min(HIGHEST, r))));
  const n = z.length;
  const mean = z.reduce((sum, value) => sum + value, 0) / n;
  const variance = z.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const reach = (T_95[clusters - 2] ?? NORMAL_95) * Math.sqrt(variance * (1 + 1 / clusters));
  return {
    pearson: Math.tanh(mean),
    low: Math.tanh(mean - reach),
    high: Math.tanh(mean + reach),
  };
}
