/**
 * Benjamini-Hochberg adjusted p values, in the order given (Benjamini and Hochberg 1995; the same
 * as scipy.stats.false_discovery_control). NaN counts as 1.
 */
export function benjaminiHochberg(pValues: ArrayLike<number>): Float64Array {
  const n = pValues.length;
  const p = Float64Array.from(pValues, (value) => (Number.isNaN(value) ? 1 : value));
  const order = Uint32Array.from({ length: n }, (_, i) => i).toSorted((i, j) => p[i]! - p[j]!);
  const adjusted = new Float64Array(n);
  let smallest = 1;
  for (let rank = n; rank >= 1; rank -= 1) {
    const i = order[rank - 1]!;
    smallest = Math.min(smallest, p[i]! * (n / rank));
    adjusted[i] = smallest;
  }
  return adjusted;
}
