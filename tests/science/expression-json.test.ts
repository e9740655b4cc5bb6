import * as fc from "fast-check";
import { expect, test } from "vitest";
import { expressionFromJson, expressionToJson } from "../../science/statistics/expression-json.ts";

const SPECIAL = [NaN, Infinity, -Infinity, -0, 0, 5e-324, 1 - 2 ** -53, 1.7976931348623157e308];

test("differential expression comes back from JSON bit by bit, whatever the numbers and gene names", () => {
  const number = fc.oneof(fc.constantFrom(...SPECIAL), fc.double());
  const gene = fc.record({
    name: fc.string({ unit: "binary" }).filter((name) => name.isWellFormed()),
    numbers: fc.tuple(number, number, number, number, number),
    is_de: fc.constantFrom(0, 1),
  });
  fc.assert(
    fc.property(fc.array(gene), (genes) => {
      const column = (i: number): Float64Array =>
        Float64Array.from(genes, ({ numbers }) => numbers[i]!);
      const comparison = {
        de: {
          genes: genes.map(({ name }) => name),
          log2_fold_change: column(0),
          p_value: column(1),
          p_adjusted: column(2),
          is_de: Uint8Array.from(genes, ({ is_de }) => is_de),
        },
        meanTreated: column(3),
        meanControl: column(4),
      };
      expect(expressionFromJson(expressionToJson(comparison))).toStrictEqual(comparison);
    }),
    { seed: 1 },
  );
});
