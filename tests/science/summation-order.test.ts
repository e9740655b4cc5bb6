import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import { waterLevel } from "../../science/inference/water-level.ts";
import { predictedResponse } from "../../science/response/predicted-response.ts";
import { promptEvidence } from "../../science/response/prompt-evidence.ts";
import { UNCALIBRATED } from "../../science/response/expected-changes.ts";
import { randomStream, uniform } from "../../science/simulate/seeded-random.ts";
import { columnMeans, logNormalise } from "../../science/statistics/normalise.ts";
import { adataOf } from "../support/kang.ts";

/**
 * The same values summed and divided in another order differ in their last bits; no gene may be said
 * to move for that. Each test first finds values for which the last bits do differ.
 */

const GENES = ["A", "B", "C", "D", "E"];
const sumOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0);

/** Counts of 3 to 40 cells, with zeros, one set a number. */
function countsOf(number: number): number[][] {
  const random = randomStream(number, "summation order");
  return Array.from({ length: 3 + Math.floor(uniform(random) * 38) }, () =>
    GENES.map(() => Math.max(0, Math.floor(uniform(random) * 60) - 20)),
  );
}
const SETS = Array.from({ length: 300 }, (_, number) => countsOf(number));

/** Whether the mean of a gene, times the number of cells, is above the sum that it was made of. */
function seemsRaised(prompt: AnnData, query: AnnData): boolean {
  const log = logNormalise(query.X);
  const sums = new Float64Array(GENES.length);
  log.indices.forEach((gene, k) => (sums[gene]! += log.data[k]!));
  return columnMeans(logNormalise(prompt.X)).some(
    (mean, gene) => mean * query.X.nRows > sums[gene]!,
  );
}

test("a prompt of the query cells in another order, thrice, changes nothing", () => {
  const pairs = SETS.map((rows) => {
    const order = rows.toReversed();
    return { query: adataOf(rows, GENES), prompt: adataOf([...order, ...order, ...order], GENES) };
  }).filter(({ prompt, query }) => seemsRaised(prompt, query));
  expect(pairs.length).toBeGreaterThan(10);
  for (const { prompt, query } of pairs) expect(deltaTransfer(prompt, query).X).toEqual(query.X);
});

test("values that meet their target in another order need no shift", () => {
  const sets = SETS.map((rows) => {
    const values = rows.map(([count = 0]) => Math.log1p(count + 1 / 3));
    return { ascending: values.toSorted((a, b) => a - b), target: sumOf(values) / values.length };
  }).filter(({ ascending, target }) => target * ascending.length !== sumOf(ascending));
  expect(sets.length).toBeGreaterThan(10);
  for (const { ascending, target } of sets)
    expect(waterLevel(ascending, ascending.length, target)).toBe(0);
});

test("two predictions that differ in their last bits give no change, at p 1", () => {
  const rows = SETS.find((set) => set.length > 20)!;
  const control = adataOf(rows, GENES);
  const prediction = adataOf(
    rows.map((row) => row.map((count) => count + 1e-13)),
    GENES,
  );
  const [before, after] = [control, prediction].map(({ X }) => columnMeans(logNormalise(X)));
  expect(after!.some((mean, gene) => mean !== before![gene])).toBe(true);
  const grouped = (name: string): AnnData => ({
    ...control,
    obs: { ...control.obs, columns: { group_id: rows.map(() => name) } },
  });
  const parts = [{ group_id: "p", control_group_id: "c", weight: 1 }];
  const { response } = predictedResponse({
    prediction,
    controlPrediction: control,
    query: control,
    evidence: promptEvidence(GENES, {
      prompt: grouped("p"),
      controls: grouped("c"),
      query: control,
      parts,
      reading: false,
    }),
    calibration: UNCALIBRATED,
    seen: [],
    shiftsQueryCells: true,
    seed: 1,
  });
  expect([...response.delta]).toEqual(GENES.map(() => 0));
  expect([...response.p_value]).toEqual(GENES.map(() => 1));
  expect(response.is_de.some((flag) => flag === 1)).toBe(false);
});
