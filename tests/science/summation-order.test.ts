import * as fc from "fast-check";
import { expect, test } from "vitest";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import { waterLevel } from "../../science/inference/water-level.ts";
import { predictedResponse } from "../../science/response/predicted-response.ts";
import { promptEvidence } from "../../science/response/prompt-evidence.ts";
import { UNCALIBRATED } from "../../science/response/expected-changes.ts";
import { adataOf } from "../support/kang.ts";

/**
 * The same values summed in another order differ in their last bits; no gene may be said to move for
 * that.
 */

const GENES = ["A", "B", "C", "D", "E"];
const cells = fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 5, maxLength: 5 }), {
  minLength: 3,
  maxLength: 40,
});
const shuffled = cells.chain((rows) =>
  fc.tuple(
    fc.constant(rows),
    fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length }),
    fc.integer({ min: 1, max: 3 }),
  ),
);

test("a prompt of the query cells in any order, however often, changes nothing", () => {
  fc.assert(
    fc.property(shuffled, ([rows, order, times]) => {
      const query = adataOf(rows, GENES);
      const prompt = adataOf(Array.from({ length: times }, () => order).flat(), GENES);
      expect(deltaTransfer(prompt, query).X).toEqual(query.X);
    }),
  );
});

test("values that meet their target in another order need no shift", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: Math.fround(0.01), max: 9, noNaN: true }), {
        minLength: 2,
        maxLength: 300,
      }),
      (values) => {
        const target = values.toReversed().reduce((sum, value) => sum + value, 0) / values.length;
        expect(
          waterLevel(
            values.toSorted((a, b) => a - b),
            values.length,
            target,
          ),
        ).toBe(0);
      },
    ),
  );
});

test("a prompt whose treated cells are its controls in another order gives no change, at p 1", () => {
  fc.assert(
    fc.property(shuffled, ([rows, order]) => {
      const query = adataOf(
        rows.map((row) => row.map((count, gene) => count + (gene % 2) + 1)),
        GENES,
      );
      const grouped = (counts: readonly (readonly number[])[], name: string) => {
        const made = adataOf(counts, GENES);
        return {
          ...made,
          obs: { ...made.obs, columns: { group_id: counts.map(() => name) } },
        };
      };
      const [prompt, controls] = [grouped(order, "p"), grouped(rows, "c")];
      const parts = [{ group_id: "p", control_group_id: "c", weight: 1 }];
      const { response } = predictedResponse({
        prediction: deltaTransfer(prompt, query),
        controlPrediction: deltaTransfer(controls, query),
        query,
        evidence: promptEvidence(GENES, { prompt, controls, query, parts, reading: false }),
        calibration: UNCALIBRATED,
        seen: [],
        shiftsQueryCells: true,
        seed: 1,
      });
      expect([...response.delta]).toEqual(GENES.map(() => 0));
      expect([...response.p_value].every((p) => p === 1)).toBe(true);
      expect(response.is_de.some((flag) => flag === 1)).toBe(false);
    }),
  );
});
