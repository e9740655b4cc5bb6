import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { benjaminiHochberg } from "../../science/statistics/benjamini-hochberg.ts";
import { pearson, rank, spearman } from "../../science/statistics/correlation.ts";
import { geneSymbol } from "../../science/statistics/gene-symbol.ts";
import { hypergeometricUpperTail } from "../../science/statistics/hypergeometric.ts";
import { logNormalise, meanProfile, sortedColumns } from "../../science/statistics/normalise.ts";
import { rankSum, rankSumSparse } from "../../science/statistics/rank-sum.ts";
import { csrOf } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";

const tiedSamples = (seed: number): number[][] =>
  fc.sample(
    fc.array(
      fc.oneof(
        fc.constant(0),
        fc.integer({ min: -3, max: 12 }),
        fc.double({ min: 0, max: 5, noNaN: true }),
      ),
      { minLength: 3, maxLength: 60 },
    ),
    {
      numRuns: 60,
      seed,
    },
  );

describeWithPython("statistics against scipy", () => {
  test("rank-sum z and p equal mannwhitneyu without continuity correction", async () => {
    const pairs = tiedSamples(1).map((a, i): [number[], number[]] => [a, tiedSamples(2)[i]!]);
    const expected = await runPython<{ z: number; p: number }[]>(
      `
import json, sys, math
from scipy.stats import mannwhitneyu, norm
out = []
for a, b in json.loads(sys.argv[1]):
    r = mannwhitneyu(a, b, use_continuity=False, method="asymptotic", alternative="two-sided")
    z = math.copysign(norm.isf(r.pvalue / 2), r.statistic - len(a) * len(b) / 2)
    out.append({"z": z, "p": r.pvalue})
print(json.dumps(out))`,
      pairs,
    );
    pairs.forEach(([a, b], i) => {
      const actual = rankSum(a, b);
      expect(actual.p).toBeCloseTo(expected[i]!.p, 9);
      expect(actual.z).toBeCloseTo(expected[i]!.z, 6);
    });
  });

  test("rank-sum keeps relative accuracy far in the tail", async () => {
    const a = Array.from({ length: 400 }, (_, i) => i + 300);
    const b = Array.from({ length: 400 }, (_, i) => i);
    const p = await runPython<number>(
      `
import json, sys
from scipy.stats import mannwhitneyu
a, b = json.loads(sys.argv[1])
print(json.dumps(mannwhitneyu(a, b, use_continuity=False, method="asymptotic").pvalue))`,
      [a, b],
    );
    expect(p).toBeLessThan(1e-50);
    expect(rankSum(a, b).p / p).toBeCloseTo(1, 9);
  });

  test("Benjamini-Hochberg equals false_discovery_control", async () => {
    const p = fc.sample(fc.double({ min: 0, max: 1, noNaN: true }), { numRuns: 300, seed: 3 });
    p.push(0, 1, 0.01, 0.01, 0.01);
    const expected = await runPython<number[]>(
      "import json, sys; from scipy.stats import false_discovery_control as f; print(json.dumps(f(json.loads(sys.argv[1])).tolist()))",
      p,
    );
    benjaminiHochberg(p).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12));
  });

  test("the hypergeometric tail equals hypergeom.sf within 1e-9, also relatively", async () => {
    const size = fc.integer({ min: 1, max: 20_000 });
    const cases = fc
      .sample(
        fc.tuple(
          size,
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.double({ min: 0, max: 0.3, noNaN: true }),
          fc.double({ min: 0, max: 1, noNaN: true }),
        ),
        {
          numRuns: 400,
          seed: 4,
        },
      )
      .map(([population, m, d, o]) => {
        const marked = Math.round(population * m * m);
        const drawn = Math.round(population * d);
        return [Math.round(Math.min(marked, drawn) * o), population, marked, drawn] as const;
      });
    cases.push([30, 1267, 38, 300], [0, 10, 5, 5], [5, 10, 5, 5], [6, 10, 5, 5], [3, 10, 8, 5]);
    const expected = await runPython<number[]>(
      `
import json, sys
from scipy.stats import hypergeom
print(json.dumps([float(hypergeom.sf(k - 1, N, m, n)) for k, N, m, n in json.loads(sys.argv[1])]))`,
      cases,
    );
    const actual = cases.map((arguments_) => hypergeometricUpperTail(...arguments_));
    actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-9));
    const representable = cases.keys().filter((i) => expected[i]! > 1e-250);
    for (const i of representable) expect(actual[i]! / expected[i]!).toBeCloseTo(1, 7);
  });

  test("correlations equal pearsonr and spearmanr", async () => {
    const x = fc.sample(fc.integer({ min: 0, max: 9 }), { numRuns: 200, seed: 5 });
    const y = fc
      .sample(fc.integer({ min: 0, max: 9 }), { numRuns: 200, seed: 6 })
      .map((value, i) => value + x[i]!);
    const expected = await runPython<{ pearson: number; spearman: number; ranks: number[] }>(
      `
import json, sys
from scipy.stats import pearsonr, spearmanr, rankdata
x, y = json.loads(sys.argv[1])
print(json.dumps({"pearson": pearsonr(x, y).statistic, "spearman": spearmanr(x, y).statistic, "ranks": rankdata(x).tolist()}))`,
      [x, y],
    );
    expect(pearson(x, y)).toBeCloseTo(expected.pearson, 12);
    expect(spearman(x, y)).toBeCloseTo(expected.spearman, 12);
    expect(Array.from(rank(x))).toEqual(expected.ranks);
  });
});

describe("rank-sum", () => {
  test("zeros not listed count as zeros, also below and above them", () => {
    const a = [-1, 0, 0, 2, 3];
    const b = [-2, 0, 1, 1, 5, 0];
    expect(rankSumSparse([-1, 2, 3], 5, [-2, 1, 1, 5], 6)).toEqual(rankSum(a, b));
    expect(rankSumSparse([-1, 0, 2, 3], 5, [-2, 1, 1, 5], 6)).toEqual(rankSum(a, b));
  });

  test("swapping the samples turns the sign and keeps p", () => {
    const samples = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        expect(rankSum(a, b).z).toBeCloseTo(-rankSum(b, a).z, 10);
        expect(rankSum(a, b).p).toBeCloseTo(rankSum(b, a).p, 10);
      }),
      { seed: 7 },
    );
  });

  test("equal values and empty samples give z 0 and p 1", () => {
    expect(rankSum([2, 2], [2, 2, 2])).toEqual({ z: 0, p: 1 });
    expect(rankSumSparse([], 3, [], 4)).toEqual({ z: 0, p: 1 });
    expect(rankSum([], [1, 2])).toEqual({ z: 0, p: 1 });
  });
});

describe("adjusted p values", () => {
  test("never fall below p, never exceed 1, keep the order", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (p) => {
        const adjusted = benjaminiHochberg(p);
        p.forEach((value, i) => {
          expect(adjusted[i]!).toBeGreaterThanOrEqual(value);
          expect(adjusted[i]!).toBeLessThanOrEqual(1);
        });
        const order = [...p.keys()].toSorted((i, j) => p[i]! - p[j]!);
        for (let k = 1; k < order.length; k += 1)
          expect(adjusted[order[k]!]!).toBeGreaterThanOrEqual(adjusted[order[k - 1]!]!);
      }),
      { seed: 8 },
    );
  });

  test("NaN counts as 1", () => {
    expect(Array.from(benjaminiHochberg([NaN, 0.01]))).toEqual([1, 0.02]);
  });
});

describe("normalisation", () => {
  test("is log1p of counts per ten thousand, and rows without counts stay zero", () => {
    const X = csrOf([
      [1, 3, 0],
      [0, 0, 0],
    ]);
    const log = logNormalise(X);
    expect(log.data[0]).toBeCloseTo(Math.log1p(2500), 5);
    expect(log.data[1]).toBeCloseTo(Math.log1p(7500), 5);
    const profile = meanProfile(X);
    expect(profile[0]).toBeCloseTo(Math.log1p(2500) / 2, 5);
    expect(profile[2]).toBe(0);
  });

  test("equal ratios of counts are ties", () => {
    const log = logNormalise(
      csrOf([
        [1, 2],
        [7, 14],
        [333, 666],
      ]),
    );
    expect(new Set(log.data).size).toBe(2);
  });

  test("sorted columns drop explicit zeros and sort negative values too", () => {
    const { values, starts } = sortedColumns({
      nRows: 3,
      nCols: 2,
      data: Float32Array.of(3, 0, 1, -2),
      indices: Int32Array.of(0, 1, 0, 0),
      indptr: Int32Array.of(0, 2, 3, 4),
    });
    expect(Array.from(values)).toEqual([-2, 1, 3]);
    expect(Array.from(starts)).toEqual([0, 3, 3]);
  });
});

test("correlation of a constant is NaN, of unequal lengths an error", () => {
  expect(pearson([1, 1, 1], [1, 2, 3])).toBeNaN();
  expect(() => pearson([1, 2], [1])).toThrow(RangeError);
});

test("gene symbols are compared upper-case and without an Ensembl suffix", () => {
  expect(geneSymbol("Tap1_ENSG00000168394")).toBe("TAP1");
  expect(geneSymbol("HLA-A")).toBe("HLA-A");
  expect(geneSymbol("RP11-290F20.3")).toBe("RP11-290F20.3");
});
