import type { CsrMatrix } from "../anndata/anndata.ts";
import { CP10K } from "../statistics/normalise.ts";
import { poissonQuantile } from "../statistics/poisson.ts";
import { randomStream, uniform } from "../simulate/seeded-random.ts";

/**
 * Cells as a sequencer would count them: integers, zeros, and library sizes like those of the cells
 * they are made from.
 *
 * Invariants:
 * 1. The same input and seed give the same counts; each gene draws from a stream of its own.
 * 2. A gene whose mean is to stay keeps every count.
 * 3. A lowered gene loses molecules (binomial thinning), a raised one gains some (Poisson, in
 *    proportion to library size): never both.
 */

/** Fractional counts become whole ones at random, with their mean kept. */
export function roundCounts(X: CsrMatrix, seed: number): CsrMatrix {
  if (X.data.every(Number.isInteger)) return X;
  const random = randomStream(seed, "round");
  return withoutZeros({
    ...X,
    data: X.data.map((value) => {
      const whole = Math.floor(value);
      return value === whole || uniform(random) >= value - whole ? whole : whole + 1;
    }),
  });
}

/** A change of the total that is left alone: library sizes then fit within half a percent. */
const TOTAL_SETTLED = 0.005;
const PASSES = 3;
const STEPS = 30;

/**
 * Integer counts, cells x genes, whose mean log1p(CP10k) of each gene is `targets`, as near as one
 * molecule more or less in one cell allows. `X`: integer counts of measured cells. Library sizes
 * change by one common factor, which is what the targets ask for.
 */
export function countsWithMeans(X: CsrMatrix, targets: Float64Array, seed: number): CsrMatrix {
  const columns = columnsOf(X);
  const sizes = Float64Array.from(sumsOf(X), (size) => Math.max(1, size));
  const total = X.data.reduce((sum, value) => sum + value, 0);
  let factor = expectedGrowth(columns, targets, sizes);
  for (let pass = 1; ; pass += 1) {
    const scale = sizes.map((size) => CP10K / (size * factor));
    const made = columns.map((column, gene) =>
      columnWithMean(column, scale, targets[gene]!, () => randomStream(seed, `gene/${gene}`)),
    );
    const reached = made.reduce((sum, { total: ofGene }) => sum + ofGene, 0) / Math.max(1, total);
    if (pass === PASSES || Math.abs(reached / factor - 1) < TOTAL_SETTLED)
      return csrOf(made, X.nRows);
    factor = Math.max(reached, 1 / CP10K);
  }
}

/** How the total changes, as far as means of logarithms tell. */
function expectedGrowth(
  columns: readonly GeneColumn[],
  targets: Float64Array,
  sizes: Float64Array,
): number {
  const molecules = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  let after = 0;
  columns.forEach(({ rows, counts, total }, gene) => {
    let sum = 0;
    for (let k = 0; k < rows.length; k += 1)
      sum += Math.log1p((counts[k]! * CP10K) / sizes[rows[k]!]!);
    const mean = Math.expm1(sum / sizes.length);
    const target = Math.expm1(Math.max(0, targets[gene]!));
    before += total;
    after += mean > 0 ? (total * target) / mean : (molecules * target) / CP10K;
  });
  return before > 0 && after > 0 ? after / before : 1;
}

/** The non-zero counts of one gene. */
interface GeneColumn {
  readonly rows: Int32Array;
  readonly counts: Float64Array;
  readonly total: number;
}

type Draws = () => ReturnType<typeof randomStream>;

function columnWithMean(
  column: GeneColumn,
  scale: Float64Array,
  target: number,
  draws: Draws,
): GeneColumn {
  const { rows, counts } = column;
  const cells = scale.length;
  let sum = 0;
  for (let k = 0; k < rows.length; k += 1) sum += Math.log1p(counts[k]! * scale[rows[k]!]!);
  const wanted = Math.max(0, target) * cells;
  const molecule = Math.log1p(scale.reduce((all, one) => all + one, 0) / Math.max(1, cells));
  if (Math.abs(wanted - sum) < molecule / 2) return column;
  return wanted < sum
    ? thinned(column, scale, wanted, draws)
    : raised(column, scale, { wanted, sum, molecule }, draws);
}

/** Keeps each molecule whose draw is below a level, which is as high as the mean asks for. */
function thinned(
  { rows, counts, total }: GeneColumn,
  scale: Float64Array,
  wanted: number,
  draws: Draws,
): GeneColumn {
  const random = draws();
  const cellOf = new Int32Array(total);
  const draw = new Float64Array(total);
  let molecule = 0;
  rows.forEach((_, k) => {
    for (let n = 0; n < counts[k]!; n += 1) {
      cellOf[molecule] = k;
      draw[molecule] = uniform(random);
      molecule += 1;
    }
  });
  const order = Int32Array.from(draw.keys()).toSorted((a, b) => draw[b]! - draw[a]!);
  const left = counts.slice();
  let sum = 0;
  for (let k = 0; k < rows.length; k += 1) sum += Math.log1p(left[k]! * scale[rows[k]!]!);
  for (const at of order) {
    if (sum <= wanted) break;
    const k = cellOf[at]!;
    const by = scale[rows[k]!]!;
    const after = sum - Math.log1p(left[k]! * by) + Math.log1p((left[k]! - 1) * by);
    if (sum - wanted < wanted - after) break;
    left[k]! -= 1;
    sum = after;
  }
  return compact(rows, left);
}

/**
 * Adds to each cell the quantile of its own draw in a Poisson of mean rate / scale; the rate is
 * found by false position (Illinois variant, Dowell and Jarratt 1971).
 */
function raised(
  { rows, counts }: GeneColumn,
  scale: Float64Array,
  { wanted, sum: base, molecule }: { wanted: number; sum: number; molecule: number },
  draws: Draws,
): GeneColumn {
  const cells = scale.length;
  const random = draws();
  const draw = Float64Array.from(scale, () => uniform(random));
  // A Poisson of this mean or less gives none for the draw.
  const none = draw.map((u) => -Math.log(u));
  const before = new Float64Array(cells);
  rows.forEach((row, k) => {
    before[row] = counts[k]!;
  });
  const gainAt = (rate: number, made?: Float64Array): number => {
    let gain = 0;
    for (let i = 0; i < cells; i += 1) {
      const mean = rate / scale[i]!;
      if (mean <= none[i]!) continue;
      const added = poissonQuantile(draw[i]!, mean);
      gain += Math.log1p((before[i]! + added) * scale[i]!) - Math.log1p(before[i]! * scale[i]!);
      if (made !== undefined) made[i] = before[i]! + added;
    }
    return gain;
  };
  const rate = rateFor(gainAt, wanted - base, { cells, molecule });
  const made = before.slice();
  gainAt(rate, made);
  return compact(
    Int32Array.from({ length: cells }, (_, i) => i),
    made,
  );
}

function rateFor(
  gainAt: (rate: number) => number,
  wanted: number,
  { cells, molecule }: { readonly cells: number; readonly molecule: number },
): number {
  const tolerance = molecule / 2;
  // What would do if each cell that gains gained one molecule.
  const share = Math.min(0.95, wanted / (cells * molecule));
  let low = { rate: 0, gap: -wanted };
  let high = { rate: -Math.log1p(-share) * Math.expm1(molecule) || 1, gap: 0 };
  for (;;) {
    high.gap = gainAt(high.rate) - wanted;
    if (Math.abs(high.gap) < tolerance) return high.rate;
    if (high.gap > 0) break;
    low = { ...high };
    high = { rate: high.rate * 2, gap: 0 };
  }
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low.rate * high.gap - high.rate * low.gap) / (high.gap - low.gap);
    const gap = gainAt(middle) - wanted;
    if (Math.abs(gap) < tolerance) return middle;
    if (gap < 0) {
      low = { rate: middle, gap };
      high = { ...high, gap: high.gap / 2 };
    } else {
      high = { rate: middle, gap };
      low = { ...low, gap: low.gap / 2 };
    }
  }
  return high.rate;
}

function compact(rows: Int32Array, counts: Float64Array): GeneColumn {
  const kept = rows.filter((_, k) => counts[k]! > 0);
  const values = counts.filter((count) => count > 0);
  return { rows: kept, counts: values, total: values.reduce((sum, value) => sum + value, 0) };
}

function sumsOf(X: CsrMatrix): Float64Array {
  const sums = new Float64Array(X.nRows);
  for (let row = 0; row < X.nRows; row += 1)
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) sums[row]! += X.data[k]!;
  return sums;
}

function columnsOf(X: CsrMatrix): GeneColumn[] {
  const lengths = new Int32Array(X.nCols);
  for (const gene of X.indices) lengths[gene]! += 1;
  const rows = Array.from(lengths, (length) => new Int32Array(length));
  const counts = Array.from(lengths, (length) => new Float64Array(length));
  const used = new Int32Array(X.nCols);
  for (let row = 0; row < X.nRows; row += 1)
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) {
      const gene = X.indices[k]!;
      rows[gene]![used[gene]!] = row;
      counts[gene]![used[gene]!] = X.data[k]!;
      used[gene]! += 1;
    }
  return rows.map((ofGene, gene) => compact(ofGene, counts[gene]!));
}

function csrOf(columns: readonly GeneColumn[], nRows: number): CsrMatrix {
  const indptr = new Int32Array(nRows + 1);
  for (const { rows } of columns) for (const row of rows) indptr[row + 1]! += 1;
  for (let row = 0; row < nRows; row += 1) indptr[row + 1]! += indptr[row]!;
  const data = new Float32Array(indptr[nRows]!);
  const indices = new Int32Array(indptr[nRows]!);
  const next = indptr.slice();
  columns.forEach(({ rows, counts }, gene) => {
    rows.forEach((row, k) => {
      const at = next[row]!;
      data[at] = counts[k]!;
      indices[at] = gene;
      next[row] = at + 1;
    });
  });
  return { nRows, nCols: columns.length, data, indices, indptr };
}

function withoutZeros(X: CsrMatrix): CsrMatrix {
  const keep = Int32Array.from(X.data.keys()).filter((k) => X.data[k] !== 0);
  const indptr = new Int32Array(X.nRows + 1);
  for (let row = 0, at = 0; row < X.nRows; row += 1) {
    while (at < keep.length && keep[at]! < X.indptr[row + 1]!) at += 1;
    indptr[row + 1] = at;
  }
  return {
    ...X,
    data: Float32Array.from(keep, (k) => X.data[k]!),
    indices: keep.map((k) => X.indices[k]!),
    indptr,
  };
}
