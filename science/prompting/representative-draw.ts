import type { CsrMatrix } from "../anndata/anndata.ts";
import { drawWithoutReplacement } from "../simulate/seeded-random.ts";
import type { RandomStream } from "../simulate/seeded-random.ts";
import { columnMeans, logNormalise } from "../statistics/normalise.ts";
import { takeRows } from "./csr-rows.ts";

/**
 * Random cells of a group, beside the drawn ones, that may take their place: more cost time and
 * hardly help.
 */
const SPARE_CELLS = 128;
/** Times that every drawn cell is offered for exchange: later ones hardly bring the mean nearer. */
const SWEEPS = 3;
const NEGLIGIBLE = 1e-9;

/** The draw from one group: a pool of its cells, of which some are drawn. */
export interface GroupDraw {
  /** Row in the group of each cell of the pool, ascending. */
  readonly rows: Int32Array;
  /** log1p(CP10k), pool x genes. */
  readonly cells: CsrMatrix;
  /** 1 for each cell of the pool that is drawn. */
  readonly isDrawn: Uint8Array;
  /** Mean log1p(CP10k) of the whole group. */
  readonly mean: Float64Array;
}

/**
 * A random draw of `n` of the cells in `counts`, with further random cells to exchange them for.
 */
export function drawFromGroup(random: RandomStream, counts: CsrMatrix, n: number): GroupDraw {
  const whole = logNormalise(counts);
  const size = Math.min(counts.nRows, n + SPARE_CELLS);
  const rows = drawWithoutReplacement(random, counts.nRows, size);
  const isDrawn = new Uint8Array(size);
  for (const at of drawWithoutReplacement(random, size, n)) isDrawn[at] = 1;
  return { rows, cells: takeRows(whole, rows), isDrawn, mean: columnMeans(whole) };
}

/**
 * Exchanges cells within the groups so that the mean of all drawn cells comes near (squared
 * distance over genes) the mean of the groups' means weighted by their drawn cells: a balanced
 * sample (Deville and Tille 2004, Biometrika 91:893) stratified by group, found by single
 * exchanges. Deterministic; the number of cells of each group stays.
 */
export function balanceDraws(draws: readonly GroupDraw[]): void {
  /** Sum over the drawn cells of their profile minus their group's mean. */
  const excess = new Float64Array(draws[0]?.cells.nCols ?? 0);
  for (const { cells, isDrawn, mean } of draws) {
    isDrawn.forEach((flag, at) => {
      if (flag === 0) return;
      addRow(excess, cells, at, 1);
      for (let gene = 0; gene < excess.length; gene += 1) excess[gene]! -= mean[gene]!;
    });
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    let exchanged = 0;
    for (const draw of draws)
      if (draw.isDrawn.includes(0)) exchanged += exchangeWithin(draw, excess);
    if (exchanged === 0) return;
  }
}

/**
 * Offers each drawn cell once for the cell of the pool that brings the excess nearest to zero.
 * Returns the exchanges made.
 */
function exchangeWithin({ cells, isDrawn }: GroupDraw, excess: Float64Array): number {
  const norms = Float64Array.from(isDrawn, (_, at) => squaredNorm(cells, at));
  let exchanged = 0;
  for (const leaving of [...isDrawn.keys()].filter((at) => isDrawn[at] === 1)) {
    addRow(excess, cells, leaving, -1);
    // Of the cells y that may join, the one with the least |e + y|^2 - |e|^2 = |y|^2 + 2 e.y
    let joining = leaving;
    let least = norms[leaving]! + 2 * dot(excess, cells, leaving) - NEGLIGIBLE;
    for (let at = 0; at < isDrawn.length; at += 1) {
      if (isDrawn[at] === 1) continue;
      const cost = norms[at]! + 2 * dot(excess, cells, at);
      if (cost < least) [joining, least] = [at, cost];
    }
    addRow(excess, cells, joining, 1);
    isDrawn[leaving] = 0;
    isDrawn[joining] = 1;
    if (joining !== leaving) exchanged += 1;
  }
  return exchanged;
}

/** Places in the pool of the cells that are drawn, ascending. */
export function drawnPlaces({ isDrawn }: GroupDraw): Int32Array {
  return Int32Array.from([...isDrawn.keys()].filter((at) => isDrawn[at] === 1));
}

function addRow(
  sum: Float64Array,
  { data, indices, indptr }: CsrMatrix,
  row: number,
  sign: 1 | -1,
): void {
  for (let k = indptr[row]!; k < indptr[row + 1]!; k += 1) sum[indices[k]!]! += sign * data[k]!;
}

function dot(vector: Float64Array, { data, indices, indptr }: CsrMatrix, row: number): number {
  let sum = 0;
  for (let k = indptr[row]!; k < indptr[row + 1]!; k += 1) sum += vector[indices[k]!]! * data[k]!;
  return sum;
}

function squaredNorm({ data, indptr }: CsrMatrix, row: number): number {
  let sum = 0;
  for (let k = indptr[row]!; k < indptr[row + 1]!; k += 1) sum += data[k]! ** 2;
  return sum;
}
