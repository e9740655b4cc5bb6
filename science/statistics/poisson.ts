import { compiled, ndtri } from "cephes";

await compiled;

/** Above this mean the normal approximation with its first Cornish-Fisher term is exact to a count. */
const LARGE = 200;

/**
 * The smallest n with P(N <= n) >= u of a Poisson N: 0 for mean 0. Monotone in `u` and in `mean`.
 * u in (0, 1). By summing for small means; for large ones by Cornish and Fisher (1938).
 */
export function poissonQuantile(u: number, mean: number): number {
  if (mean >= LARGE) {
    const z = ndtri(u);
    return Math.max(0, Math.round(mean + z * Math.sqrt(mean) + (z * z - 1) / 6));
  }
  let probability = Math.exp(-mean);
  let cumulative = probability;
  let n = 0;
  while (cumulative < u && n < 4 * LARGE) {
    n += 1;
    probability *= mean / n;
    cumulative += probability;
  }
  return n;
}
