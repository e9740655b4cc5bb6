import { describe, expect, test } from "vitest";
import {
  compareExpression,
  DE_THRESHOLDS,
  type DifferentialExpressionThresholds,
} from "../../science/statistics/differential-expression.ts";
import { enrichment } from "../../science/statistics/enrichment.ts";
import { adataOf } from "../support/kang.ts";

describe("at its bounds a gene", () => {
  const [treated, control] = [20, 2].map((count) =>
    adataOf(
      Array.from({ length: 40 }, (_, i) => [count + (i % 2), 100, 100]),
      ["UP", "B", "C"],
    ),
  );
  const compare = (thresholds: Partial<DifferentialExpressionThresholds>) =>
    compareExpression(treated!, control!, { ...DE_THRESHOLDS, ...thresholds });
  const { de, meanTreated, meanControl } = compare({});
  const isDe = (thresholds: Partial<DifferentialExpressionThresholds>): boolean =>
    compare(thresholds).de.is_de[0] === 1;
  const above = (value: number): number => value * (1 + 1e-12);

  test("whose adjusted p is the limit is not differential, below it is", () => {
    expect(isDe({ maxAdjustedP: de.p_adjusted[0]! })).toBe(false);
    expect(isDe({ maxAdjustedP: above(de.p_adjusted[0]!) })).toBe(true);
  });

  test("whose fold change is the least is differential, below it is not", () => {
    const foldChange = Math.abs(de.log2_fold_change[0]!);
    expect(isDe({ minLog2FoldChange: foldChange })).toBe(true);
    expect(isDe({ minLog2FoldChange: above(foldChange) })).toBe(false);
  });

  test("whose means differ by the least is differential, by less it is not", () => {
    const difference = Math.abs(meanTreated[0]! - meanControl[0]!);
    expect(isDe({ minMeanDifference: difference })).toBe(true);
    expect(isDe({ minMeanDifference: above(difference) })).toBe(false);
  });
});

test("enriched pathways are ordered by adjusted p, then the larger overlap, then id", () => {
  const genes = Array.from({ length: 10 }, (_, i) => `G${i}`);
  const de = {
    genes,
    log2_fold_change: Float64Array.from(genes, () => 2),
    p_value: new Float64Array(10),
    p_adjusted: new Float64Array(10),
    is_de: Uint8Array.from(genes, (_, i) => (i < 3 ? 1 : 0)),
  };
  const pathway = (id: string, members: readonly string[]) => ({
    id,
    name: id,
    genes: [...members],
    source: "s",
  });
  // All measured genes, or all but two that move: no overlap could be smaller, so each p is 1.
  const rows = enrichment(de, [
    pathway("a-one", genes.slice(2)),
    pathway("c-three", genes),
    pathway("b-three", genes),
    pathway("d-best", genes.slice(0, 3)),
  ]);
  expect(rows.map(({ id, overlap, direction }) => [id, overlap, direction])).toEqual([
    ["d-best", 3, "up"],
    ["b-three", 3, "up"],
    ["c-three", 3, "up"],
    ["a-one", 1, "up"],
  ]);
  expect(rows.slice(1).map(({ p_adjusted }) => p_adjusted)).toEqual([1, 1, 1]);
});
