/** A p value as it is read: 0.042, 3.1e-8. */
export function pValue(p: number): string {
  if (Number.isNaN(p)) return "not tested";
  if (p === 0) return "< 1e-300";
  return p < 0.001 ? p.toExponential(1) : p.toFixed(3);
}
