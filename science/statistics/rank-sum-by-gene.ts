import type { CsrMatrix } from "../anndata/anndata.ts";
import { twoSidedNormalP } from "./special-functions.ts";

/** The rank-sum test of each gene. */
export interface RankSums {
  /** Two-sided. */
  readonly p: Float64Array;
  /**
   * -1/2 to 1/2: how much more often than not a treated cell has more than a control cell, ties
   * halved: Mann and Whitney's U / (n m) - 1/2. 0 without cells on a side.
   */
  readonly superiority: Float64Array;
}

/**
 * rankSumSparse's test of each gene; both are log-normalised (no value below 0), cells x the same
 * genes. `ties`: "uncorrected" as scanpy's rank_genes_groups unless told otherwise.
 *
 * Both sides of a gene lie in one run of integers: the bits of a float32 from 0 on are ordered as
 * the floats are, and the free last bit tells the side. One sort and one pass a gene; zeros are
 * counted, never sorted.
 */
export function rankSumsByGene(
  treated: CsrMatrix,
  control: CsrMatrix,
  ties: "corrected" | "uncorrected" = "corrected",
): RankSums {
  const { nCols } = treated;
  const starts = new Float64Array(nCols + 1);
  for (const { data, indices } of [treated, control])
    for (let k = 0; k < data.length; k += 1) if (data[k] !== 0) starts[indices[k]! + 1]! += 1;
  for (let gene = 0; gene < nCols; gene += 1) starts[gene + 1]! += starts[gene]!;
  const keys = new Uint32Array(starts[nCols]!);
  const next = starts.slice();
  placeKeys(treated, 1, keys, next);
  placeKeys(control, 0, keys, next);
  const [sizeA, sizeB] = [treated.nRows, control.nRows];
  const p = new Float64Array(nCols);
  const superiority = new Float64Array(nCols);
  for (let gene = 0; gene < nCols; gene += 1) {
    const own = keys.subarray(starts[gene], starts[gene + 1]);
    own.sort();
    const { excess, tied } = ranksOf(own, sizeA, sizeB);
    p[gene] = pOf(excess, ties === "corrected" ? tied : 0, sizeA, sizeB);
    superiority[gene] = excess / Math.max(1, sizeA * sizeB);
  }
  return { p, superiority };
}

/** The p values of rankSumsByGene. */
export const rankSumByGene = (...compared: Parameters<typeof rankSumsByGene>): Float64Array =>
  rankSumsByGene(...compared).p;

function placeKeys(
  { data, indices }: CsrMatrix,
  side: 0 | 1,
  keys: Uint32Array,
  next: Float64Array,
): void {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let k = 0; k < bits.length; k += 1) {
    if (data[k] === 0) continue;
    const gene = indices[k]!;
    const at = next[gene]!;
    keys[at] = (bits[k]! << 1) | side;
    next[gene] = at + 1;
  }
}

interface Ranks {
  /** Sum of the treated cells' ranks, beyond what it is without a difference. */
  readonly excess: number;
  /** Sum over equal values of n^3 - n. */
  readonly tied: number;
}

/** `keys` ascending, treated cells odd; the cells not listed are zeros. */
function ranksOf(keys: Uint32Array, sizeA: number, sizeB: number): Ranks {
  const { length } = keys;
  const total = sizeA + sizeB;
  let listedA = 0;
  for (let i = 0; i < length; i += 1) listedA += keys[i]! & 1;
  let below = total - length;
  let ranksOfA = (sizeA - listedA) * ((below + 1) / 2);
  let tied = below * below * below - below;
  let i = 0;
  while (i < length) {
    const value = keys[i]! >>> 1;
    let countA = keys[i]! & 1;
    let end = i + 1;
    while (end < length && keys[end]! >>> 1 === value) {
      countA += keys[end]! & 1;
      end += 1;
    }
    const count = end - i;
    ranksOfA += countA * (below + (count + 1) / 2);
    if (count > 1) tied += count * count * count - count;
    below += count;
    i = end;
  }
  return { excess: ranksOfA - (sizeA * (total + 1)) / 2, tied };
}

function pOf(excess: number, tied: number, sizeA: number, sizeB: number): number {
  const total = sizeA + sizeB;
  const correction = total > 1 ? 1 - tied / (total * total * total - total) : 1;
  const deviation = Math.sqrt((correction * sizeA * sizeB * (total + 1)) / 12);
  return deviation > 0 ? twoSidedNormalP(excess / deviation) : 1;
}
