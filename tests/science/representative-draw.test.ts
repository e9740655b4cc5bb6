import { expect, test } from "vitest";
import {
  balanceDraws,
  drawFromGroup,
  drawnPlaces,
} from "../../science/prompting/representative-draw.ts";
import type { GroupDraw } from "../../science/prompting/representative-draw.ts";
import { normal, randomStream } from "../../science/simulate/seeded-random.ts";
import { csrOf } from "../support/kang.ts";

const GENES = 30;

function group(name: string, nCells: number, n: number, seed = 1): GroupDraw {
  const random = randomStream(7, name);
  const counts = csrOf(
    Array.from({ length: nCells }, () =>
      Array.from({ length: GENES }, () => Math.max(0, Math.round(5 + 4 * normal(random)))),
    ),
  );
  return drawFromGroup(randomStream(seed, name), counts, n);
}

/**
 * Distance of the mean of the drawn cells from the mean of the groups' means, weighted by their
 * drawn cells.
 */
function distance(draws: readonly GroupDraw[]): number {
  const sum = new Float64Array(GENES);
  let total = 0;
  for (const { cells, isDrawn, mean } of draws) {
    for (const at of isDrawn.keys()) {
      if (isDrawn[at] === 0) continue;
      total += 1;
      for (let k = cells.indptr[at]!; k < cells.indptr[at + 1]!; k += 1)
        sum[cells.indices[k]!]! += cells.data[k]!;
      mean.forEach((value, gene) => (sum[gene]! -= value));
    }
  }
  return Math.hypot(...sum) / total;
}

const drawn = (draws: readonly GroupDraw[]): number[][] =>
  draws.map((draw) => [...drawnPlaces(draw)].map((at) => draw.rows[at]!));

test("balancing brings the mean at least twice as near and keeps each group's number of cells", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const draws = [group("a", 200, 20, seed), group("b", 50, 10, seed), group("c", 12, 12, seed)];
    const before = distance(draws);
    balanceDraws(draws);
    expect(distance(draws)).toBeLessThan(before / 2);
    expect(drawn(draws).map((rows) => new Set(rows).size)).toEqual([20, 10, 12]);
  }
});

test("the same seed draws the same cells, another seed others", () => {
  const draw = (seed: number): number[][] => {
    const draws = [group("a", 200, 20, seed), group("b", 50, 10, seed)];
    balanceDraws(draws);
    return drawn(draws);
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(2)).not.toEqual(draw(1));
});

test("rows ascend, and a group drawn whole is whole", () => {
  const draws = [group("a", 300, 40), group("c", 12, 12)];
  balanceDraws(draws);
  const [some, all] = drawn(draws);
  expect(some).toEqual(some?.toSorted((a, b) => a - b));
  expect(all).toEqual(Array.from({ length: 12 }, (_, row) => row));
});

test("nothing drawn is nothing balanced", () => {
  const draws = [group("a", 10, 0)];
  balanceDraws(draws);
  expect(drawn(draws)).toEqual([[]]);
  balanceDraws([]);
});
