/** Student's t at 95%, two-sided 90%, for 1 to 30 degrees of freedom; further ones are normal enough. */
const T_95 = [
  6.314, 2.92, 2.353, 2.132, 2.015, 1.943, 1.895, 1.86, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761,
  1.753, 1.746, 1.74, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701,
  1.699, 1.697,
] as const;
const NORMAL_95 = 1.645;

/** The 95% quantile of Student's t, from one degree of freedom. */
export const studentT95 = (freedom: number): number => T_95[freedom - 1] ?? NORMAL_95;

/** Correlations of 1 have no Fisher transform. */
const HIGHEST = 0.9999;

/** A left-out response: its correlation, and what is expected of the further one beyond it. */
export interface LeftOut {
  readonly r: number;
  readonly shift: number;
  /** Values of one cluster may be alike. */
  readonly cluster: string;
}

/** With fewer clusters nothing is known of how alike their values are. */
const LEAST_CLUSTERS = 3;

/**
 * The mean of correlations and a 90% interval for one more of their kind: with z = atanh(r) + shift,
 * mean m and standard deviation s of the values, tanh(m -+ t(n - 1) s sqrt(1 + 1 / n)) (Fisher 1921;
 * the prediction interval of a normal sample). n is the effective number of values, see
 * effectiveNumber.
 */
export function predictionInterval(leftOut: readonly LeftOut[]): {
  readonly pearson: number;
  readonly low: number;
  readonly high: number;
} {
  const z = leftOut.map(
    ({ r, shift }) => Math.atanh(Math.max(-HIGHEST, Math.min(HIGHEST, r))) + shift,
  );
  const mean = meanOf(z);
  const variance = sumOfSquares(z) / (z.length - 1);
  const n = effectiveNumber(
    Map.groupBy(z.keys(), (i) => leftOut[i]!.cluster)
      .values()
      .map((members) => members.map((i) => z[i]!))
      .toArray(),
  );
  const reach = studentT95(Math.max(1, Math.floor(n) - 1)) * Math.sqrt(variance * (1 + 1 / n));
  return {
    pearson: Math.tanh(mean),
    low: Math.tanh(mean - reach),
    high: Math.tanh(mean + reach),
  };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function sumOfSquares(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

/**
 * Values that come in clusters count as n / (1 + (m - 1) rho), m the mean size of the clusters
 * weighted by size (design effect, Kish 1965), rho their intraclass correlation by the analysis of
 * variance (Fisher 1925), within 0 and 1.
 */
function effectiveNumber(clusters: readonly (readonly number[])[]): number {
  const all = clusters.flat();
  const n = all.length;
  const k = clusters.length;
  if (k < LEAST_CLUSTERS || k === n) return n;
  const squares = clusters.reduce((sum, { length }) => sum + length ** 2, 0);
  const inside = clusters.reduce((sum, values) => sum + sumOfSquares(values), 0);
  const within = inside / (n - k);
  const between = (sumOfSquares(all) - inside) / (k - 1);
  const usual = (n - squares / n) / (k - 1);
  const spread = between + (usual - 1) * within;
  // Equal values are not alike by their clusters.
  const rho = spread > 0 ? (between - within) / spread : 0;
  return n / (1 + (squares / n - 1) * Math.min(1, Math.max(0, rho)));
}
