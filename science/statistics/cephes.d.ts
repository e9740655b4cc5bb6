/** The package ships types that its own export map hides; these are the parts in use. */
declare module "cephes" {
  export const compiled: Promise<void>;
  /** Natural logarithm of the absolute gamma function. */
  export function lgam(x: number): number;
  /** Complementary error function; throws where the result underflows. */
  export function erfc(x: number): number;
  /** Quantile of the standard normal distribution. */
  export function ndtri(p: number): number;
}
