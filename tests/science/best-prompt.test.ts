import { expect, test } from "vitest";
import type { ExpectedAccuracy } from "../../science/accuracy/accuracy-schema.ts";
import { bestPrompt } from "../../science/accuracy/best-prompt.ts";

const known = (pearson: number): ExpectedAccuracy => ({
  known: true,
  pearson,
  low: pearson - 0.1,
  high: pearson + 0.1,
  left_out: "cell types",
  responses: 4,
});
const UNKNOWN: ExpectedAccuracy = { known: false, reason: "One response cannot be left out." };

test.each<[string, readonly [score: number, expected: ExpectedAccuracy, reads: number][], number]>([
  ["the only one", [[1, UNKNOWN, 0]], 0],
  [
    "the most plausible",
    [
      [6, known(0.9), 0],
      [8, known(0.5), 0],
      [7, known(0.7), 0],
    ],
    1,
  ],
  [
    "of equally plausible ones that of the highest expected accuracy",
    [
      [8, known(0.5), 0],
      [8, UNKNOWN, 0],
      [8, known(0.6), 0],
    ],
    2,
  ],
  [
    "a known accuracy before an unknown one, however low",
    [
      [8, UNKNOWN, 0],
      [8, known(-0.4), 0],
    ],
    1,
  ],
  [
    "of equals the first",
    [
      [8, known(0.6), 0],
      [8, known(0.6), 0],
    ],
    0,
  ],
  [
    "one that reads the answer before all that predict it; one that reads it in part does not",
    [
      [9, known(0.9), 0.9],
      [7, known(0.6), 1],
      [8, known(0.6), 0],
    ],
    1,
  ],
])("what counts of a round: %s", (_, prompts, best) => {
  expect(
    bestPrompt(
      prompts.map(([score, expected_accuracy, reads]) => ({ score, expected_accuracy, reads })),
    ),
  ).toBe(best);
});

test("a round without a prompt is a fault", () => {
  expect(() => bestPrompt([])).toThrow("A round has a prompt.");
});
