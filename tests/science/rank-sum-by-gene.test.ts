import * as fc from "fast-check";
import { expect, test } from "vitest";
import { logNormalise } from "../../science/statistics/normalise.ts";
import { rankSumByGene, rankSumsByGene } from "../../science/statistics/rank-sum-by-gene.ts";
import { rankSum } from "../../science/statistics/rank-sum.ts";
import { csrOf } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { dense } from "./anndata-files.ts";

const GENES = 6;
const row = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4 }), fc.nat(300)), {
  minLength: GENES,
  maxLength: GENES,
});
const cells = fc.array(row, { minLength: 1, maxLength: 30 });
const logOf = (rows: readonly (readonly number[])[]) =>
  logNormalise({ ...csrOf(rows), nCols: GENES });

test("each gene has the p value of the test on its values, ties and zeros included", () => {
  fc.assert(
    fc.property(cells, cells, (treated, control) => {
      const [a, b] = [logOf(treated), logOf(control)];
      const p = rankSumByGene(a, b);
      const column = (X: typeof a, gene: number) => dense(X).map((values) => values[gene]!);
      for (let gene = 0; gene < GENES; gene += 1)
        expect(p[gene]).toBe(rankSum(column(a, gene), column(b, gene)).p);
    }),
  );
});

test("a matrix that begins inside a larger buffer is read from its beginning", () => {
  const whole = logOf([
    [1, 0, 3, 0, 5, 6],
    [0, 2, 0, 4, 9, 0],
  ]);
  const shifted = new Float32Array([7, 7, ...whole.data]).subarray(2);
  const control = logOf([[3, 1, 1, 1, 1, 1]]);
  expect(rankSumByGene({ ...whole, data: shifted }, control)).toEqual(
    rankSumByGene(whole, control),
  );
});

const RANKSUMS = String.raw`
import json, sys
import numpy as np
from scipy.stats import mannwhitneyu, ranksums
given = json.loads(sys.argv[1]); a, b = np.array(given["a"]), np.array(given["b"])
genes = range(a.shape[1])
print(json.dumps({
  "p": [float(ranksums(a[:, g], b[:, g]).pvalue) for g in genes],
  "superiority": [float(mannwhitneyu(a[:, g], b[:, g]).statistic / (len(a) * len(b)) - 0.5) for g in genes],
}))
`;

describeWithPython("without the correction for ties", () => {
  test("p values and superiority are those of scipy.stats", async () => {
    const [treated, control] = fc.sample(fc.array(row, { minLength: 40, maxLength: 60 }), {
      numRuns: 2,
      seed: 7,
    });
    const [a, b] = [logOf(treated!), logOf(control!)];
    const wanted = await runPython<Record<"p" | "superiority", number[]>>(RANKSUMS, {
      a: dense(a),
      b: dense(b),
    });
    const { p, superiority } = rankSumsByGene(a, b, "uncorrected");
    wanted.p.forEach((value, gene) => expect(Math.abs(p[gene]! / value - 1)).toBeLessThan(1e-9));
    wanted.superiority.forEach((value, gene) => expect(superiority[gene]).toBeCloseTo(value, 12));
  });
});
