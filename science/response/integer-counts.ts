import type { CsrMatrix } from "../anndata/anndata.ts";
import { columnsOf, compact, csrOf, sumsOf, type GeneColumn } from "./gene-columns.ts";
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
/**
 * Means of logarithms settle what cells are made of and hardly how much of it there is: steps on and
 * on shrink or swell all cells for a small contradiction among the targets.
 */
const STEPS_OF_GROWTH = 3;
/** The total may halve or double; targets that ask for more contradict each other. */
const GROWTH = [0.5, 2] as const;
/** Share of all molecules that the genes hold by which the total is found. */
const TELLING_SHARE = 0.8;
const STEPS = 30;
/** Share of the draws, which lie between 0 and 1, that is sorted at a time. */
const SORTED_AT_ONCE = 1 / 8;

/**
 * Integer counts, cells x genes, whose mean log1p(CP10k) of each gene is `targets`, as near as one
 * molecule more or less in one cell allows. `X`: integer counts of measured cells. Library sizes
 * change by one common factor, which is what the targets ask for.
 */
export function countsWithMeans(X: CsrMatrix, targets: Float64Array, seed: number): CsrMatrix {
  const columns = columnsOf(X);
  const sizes = Float64Array.from(sumsOf(X), (size) => Math.max(1, size));
  const make = (gene: number, scale: Scale): GeneColumn =>
    columnWithMean(columns[gene]!, scale, targets[gene]!, () => randomStream(seed, `gene/${gene}`));
  const scale = scaleFor(sizes, settledGrowth(columns, targets, { sizes, make }));
  return csrOf(
    columns.map((_, gene) => make(gene, scale)),
    X.nRows,
  );
}

function scaleFor(sizes: Float64Array, growth: number): Scale {
  const scale = sizes.map((size) => CP10K / (size * growth));
  return {
    scale,
    molecule: Math.log1p(scale.reduce((all, one) => all + one, 0) / Math.max(1, scale.length)),
  };
}

/**
 * How the total changes once every gene has its mean, in a few steps from what the means let expect
 * towards the growth that the made counts show, on the genes that hold most molecules; what the
 * others come to is expected.
 */
function settledGrowth(
  columns: readonly GeneColumn[],
  targets: Float64Array,
  {
    sizes,
    make,
  }: {
    readonly sizes: Float64Array;
    readonly make: (gene: number, scale: Scale) => GeneColumn;
  },
): number {
  const total = columns.reduce((sum, column) => sum + column.total, 0);
  const expected = expectedTotals(columns, targets, sizes);
  const order = expected.keys().toArray();
  order.sort((a, b) => expected[b]! - expected[a]! || a - b);
  const all = expected.reduce((sum, value) => sum + value, 0);
  if (total === 0 || all === 0) return 1;
  const telling: number[] = [];
  let rest = all;
  for (const gene of order) {
    if (rest <= (1 - TELLING_SHARE) * all) break;
    telling.push(gene);
    rest -= expected[gene]!;
  }
  const clamped = (growth: number): number => Math.min(GROWTH[1], Math.max(GROWTH[0], growth));
  const shown = (growth: number): number => {
    const scale = scaleFor(sizes, growth);
    return telling.reduce((sum, gene) => sum + make(gene, scale).total, rest * growth) / total;
  };
  let growth = clamped(all / total);
  for (let step = 1; step < STEPS_OF_GROWTH; step += 1) {
    const next = clamped(shown(growth));
    const isSettled = Math.abs(next / growth - 1) < TOTAL_SETTLED;
    growth = next;
    if (isSettled) break;
  }
  return growth;
}

/** Molecules of each gene at unchanged library sizes, as far as means of logarithms tell. */
function expectedTotals(
  columns: readonly GeneColumn[],
  targets: Float64Array,
  sizes: Float64Array,
): Float64Array {
  const molecules = sizes.reduce((sum, size) => sum + size, 0);
  return Float64Array.from(columns, ({ rows, counts, total }, gene) => {
    let sum = 0;
    for (let k = 0; k < rows.length; k += 1)
      sum += Math.log1p((counts[k]! * CP10K) / sizes[rows[k]!]!);
    const mean = Math.expm1(sum / sizes.length);
    const target = Math.expm1(Math.max(0, targets[gene]!));
    return mean > 0 ? (total * target) / mean : (molecules * target) / CP10K;
  });
}

/** What a molecule is worth in each cell, and in log1p of the usual one. */
interface Scale {
  readonly scale: Float64Array;
  readonly molecule: number;
}

type Draws = () => ReturnType<typeof randomStream>;

function columnWithMean(
  column: GeneColumn,
  { scale, molecule }: Scale,
  target: number,
  draws: Draws,
): GeneColumn {
  const { rows, counts } = column;
  const cells = scale.length;
  let sum = 0;
  for (let k = 0; k < rows.length; k += 1) sum += Math.log1p(counts[k]! * scale[rows[k]!]!);
  const wanted = Math.max(0, target) * cells;
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
  for (let k = 0; k < rows.length; k += 1)
    for (let n = 0; n < counts[k]!; n += 1) {
      cellOf[molecule] = k;
      draw[molecule] = uniform(random);
      molecule += 1;
    }
  const left = counts.slice();
  let sum = 0;
  for (let k = 0; k < rows.length; k += 1) sum += Math.log1p(left[k]! * scale[rows[k]!]!);
  const next = largestFirst(draw);
  for (let taken = 0; taken < total && sum > wanted; taken += 1) {
    const k = cellOf[next(taken)]!;
    const by = scale[rows[k]!]!;
    const after = sum - Math.log1p(left[k]! * by) + Math.log1p((left[k]! - 1) * by);
    if (sum - wanted < wanted - after) break;
    left[k]! -= 1;
    sum = after;
  }
  return compact(rows, left);
}

/**
 * Positions of the largest values first, sorted as far as asked for: a gene that loses few molecules
 * has few of its draws sorted.
 */
function largestFirst(values: Float64Array): (place: number) => number {
  const order = new Int32Array(values.length);
  let sorted = 0;
  let level = 1;
  return (place) => {
    while (sorted <= place) {
      const below = level - SORTED_AT_ONCE;
      const found: number[] = [];
      for (let i = 0; i < values.length; i += 1)
        if (values[i]! <= level && (values[i]! > below || below <= 0)) found.push(i);
      found.sort((a, b) => values[b]! - values[a]! || a - b);
      order.set(found, sorted);
      sorted += found.length;
      level = below;
    }
    return order[place]!;
  };
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
  const draw = new Float64Array(cells);
  // The rate up to which the draw of a cell gives it nothing: a Poisson of mean -ln(draw) is 0 there.
  const none = new Float64Array(cells);
  for (let i = 0; i < cells; i += 1) {
    const u = uniform(random);
    draw[i] = u;
    none[i] = -Math.log(u) * scale[i]!;
  }
  const made = new Float64Array(cells);
  for (let k = 0; k < rows.length; k += 1) made[rows[k]!] = counts[k]!;
  const gainAt = (rate: number, keep = false): number => {
    let gain = 0;
    for (let i = 0; i < cells; i += 1) {
      if (rate <= none[i]!) continue;
      const by = scale[i]!;
      const before = made[i]!;
      const after = before + poissonQuantile(draw[i]!, rate / by);
      gain += Math.log1p(after * by) - Math.log1p(before * by);
      if (keep) made[i] = after;
    }
    return gain;
  };
  gainAt(rateFor(gainAt, wanted - base, { cells, molecule }), true);
  return compact(null, made);
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
