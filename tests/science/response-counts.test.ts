import { expect, test } from "vitest";
import type { CsrMatrix } from "../../science/anndata/anndata.ts";
import { countsWithMeans, roundCounts } from "../../science/response/integer-counts.ts";
import { randomStream, uniform } from "../../science/simulate/seeded-random.ts";
import { meanProfile } from "../../science/statistics/normalise.ts";
import { poissonQuantile } from "../../science/statistics/poisson.ts";
import { csr, dense } from "./anndata-files.ts";

const CELLS = 300;

/** Cells of some 200 counts over ten genes: rare, common and silent ones. */
function cells(): CsrMatrix {
  const random = randomStream(1, "cells");
  const rates = [0, 0.05, 0.2, 0.5, 1, 2, 5, 20, 60, 100];
  return csr(
    Array.from({ length: CELLS }, () => {
      const size = 0.6 + 0.8 * uniform(random);
      return rates.map((rate) => (rate === 0 ? 0 : poissonQuantile(uniform(random), rate * size)));
    }),
  );
}

const columnOf = (X: CsrMatrix, gene: number): number[] => dense(X).map((row) => row[gene]!);

test("genes whose mean stays keep every count", () => {
  const X = cells();
  expect(countsWithMeans(X, meanProfile(X), 1)).toEqual(X);
});

test("raised and lowered genes reach their means in whole counts, silent ones in part of the cells", () => {
  const X = cells();
  const before = meanProfile(X);
  const targets = Float64Array.from(before);
  targets[0] = 0.4;
  targets[2] = before[2]! + 0.5;
  targets[5] = before[5]! / 2;
  targets[6] = 0;
  const made = countsWithMeans(X, targets, 1);
  expect(made.data.every((count) => Number.isInteger(count) && count > 0)).toBe(true);
  const reached = meanProfile(made);
  for (const gene of [0, 2, 5, 6]) expect(reached[gene]).toBeCloseTo(targets[gene]!, 1);
  const silentBefore = columnOf(made, 0).filter((count) => count > 0).length;
  expect(silentBefore).toBeGreaterThan(0);
  expect(silentBefore).toBeLessThan(CELLS / 2);
  expect(columnOf(made, 6).every((count) => count === 0)).toBe(true);
  columnOf(made, 5).forEach((count, i) => expect(count).toBeLessThanOrEqual(columnOf(X, 5)[i]!));
  columnOf(made, 2).forEach((count, i) => expect(count).toBeGreaterThanOrEqual(columnOf(X, 2)[i]!));
});

test("the same seed gives the same counts, another one others", () => {
  const X = cells();
  const targets = meanProfile(X).map((mean) => mean + 0.3);
  expect(countsWithMeans(X, targets, 1)).toEqual(countsWithMeans(X, targets, 1));
  expect(countsWithMeans(X, targets, 2)).not.toEqual(countsWithMeans(X, targets, 1));
});

test("fractional counts are rounded with their mean kept", () => {
  const X = csr(Array.from({ length: 2_000 }, () => [0.25, 3, 1.5]));
  const made = dense(roundCounts(X, 1));
  const mean = (gene: number): number =>
    made.reduce((sum, row) => sum + row[gene]!, 0) / made.length;
  expect(mean(0)).toBeCloseTo(0.25, 1);
  expect(mean(1)).toBe(3);
  expect(mean(2)).toBeCloseTo(1.5, 1);
  expect(new Set(made.map((row) => row[2]))).toEqual(new Set([1, 2]));
});

test("whole counts are left as they are", () => {
  const X = cells();
  expect(roundCounts(X, 1)).toBe(X);
});
