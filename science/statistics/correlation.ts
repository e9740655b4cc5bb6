/**
 * Pearson correlation of two samples of equal length; NaN when either is constant or shorter than
 * 2.
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const n = x.length;
  if (n !== y.length) throw new RangeError(`Samples differ in length: ${n} and ${y.length}.`);
  if (isConstant(x) || isConstant(y)) return NaN;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i += 1) {
    meanX += x[i]! / n;
    meanY += y[i]! / n;
  }
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < n; i += 1) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  const r = xy / Math.sqrt(xx * yy);
  return Number.isFinite(r) ? Math.max(-1, Math.min(1, r)) : NaN;
}

/** The sums below leave rounding errors of a constant that correlate with anything. */
function isConstant(x: ArrayLike<number>): boolean {
  for (let i = 1; i < x.length; i += 1) if (x[i] !== x[0]) return false;
  return true;
}

/** Ranks from 1, equal values sharing the mean of their ranks (scipy.stats.rankdata). */
export function rank(x: ArrayLike<number>): Float64Array {
  const n = x.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).toSorted((i, j) => x[i]! - x[j]!);
  const ranks = new Float64Array(n);
  for (let start = 0; start < n;) {
    let end = start + 1;
    while (end < n && x[order[end]!] === x[order[start]!]) end += 1;
    for (let k = start; k < end; k += 1) ranks[order[k]!] = (start + end + 1) / 2;
    start = end;
  }
  return ranks;
}

/** Spearman correlation with ties, as scipy.stats.spearmanr. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearson(rank(x), rank(y));
}
