import { compiled, erfc, lgam, ndtri } from "cephes";

await compiled;

/** Where erfc leaves the normal double range (x^2 > ln(max double)). */
const ERFC_UNDERFLOW = 26.6;

/** P(|Z| >= |z|) of a standard normal Z; 0 below 1e-307. */
export function twoSidedNormalP(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  return x > ERFC_UNDERFLOW ? 0 : erfc(x);
}

/** ln C(n, k) for integers 0 <= k <= n. */
export function logChoose(n: number, k: number): number {
  return lgam(n + 1) - lgam(k + 1) - lgam(n - k + 1);
}

/** The z with P(Z <= z) = p of a standard normal Z; p in (0, 1). */
export const normalQuantile = (p: number): number => ndtri(p);
