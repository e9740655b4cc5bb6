import type { Direction } from "../query/structured-query.ts";
import type { Response } from "./response.ts";

/** A gene and where it is expected to go, found among the measured genes. */
export interface Expected {
  readonly gene: number;
  readonly sign: 1 | -1;
}

export function signOf(direction: Direction): 1 | -1 {
  return direction === "up" ? 1 : -1;
}

export interface Shift {
  /**
   * 2 AUC - 1 of the expected genes against all others, along the expected direction: 1 all ahead,
   * 0 chance, -1 all behind.
   */
  readonly effect: number;
  /**
   * Standard score of that AUC under the null of random genes (Mann-Whitney, without tie
   * correction).
   */
  readonly z: number;
}

/**
 * How far the expected genes stand out in the ranking of all genes by their standing among genes of
 * like expression.
 */
export function shiftOf(expected: readonly Expected[], response: Response): Shift {
  const total = response.standing.length;
  const n = expected.length;
  const others = total - n;
  if (n === 0 || others === 0) return { effect: 0, z: 0 };
  let rankSum = 0;
  for (const { gene, sign } of expected)
    rankSum += sign === 1 ? response.standing[gene]! : total + 1 - response.standing[gene]!;
  const u = rankSum - (n * (n + 1)) / 2;
  return {
    effect: (2 * u) / (n * others) - 1,
    z: (u - (n * others) / 2) / Math.sqrt((n * others * (total + 1)) / 12),
  };
}

/**
 * Share of the expected genes that are differentially expressed the expected way, minus the share
 * the other way, minus the share of other genes of like expression that go the expected way. 1 at
 * best, 0 by chance.
 */
export function excessShare(expected: readonly Expected[], response: Response): number {
  const inside = new Set(expected.map(({ gene }) => gene));
  const background = response.strata.map((genes) => {
    const others = genes.filter((gene) => !inside.has(gene));
    const share = (sign: number): number =>
      others.filter((gene) => response.change[gene] === sign).length / Math.max(1, others.length);
    return { up: share(1), down: share(-1) };
  });
  let excess = 0;
  for (const { gene, sign } of expected) {
    const { up, down } = background[response.stratumOf[gene]!]!;
    excess += response.change[gene]! * sign - (sign === 1 ? up : down);
  }
  return excess / expected.length;
}
