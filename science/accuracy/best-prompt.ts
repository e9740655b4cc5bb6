import type { ExpectedAccuracy } from "./accuracy-schema.ts";

/** What is known of the prediction from one prompt of a round. */
export interface PromptOutcome {
  /** Grounding score, 1 to 10. */
  readonly score: number;
  readonly expected_accuracy: ExpectedAccuracy;
  /** Share of the prompt's cells that are the asked cells under the asked perturbation. */
  readonly reads: number;
}

/**
 * The place of the prompt that counts: one that reads the answer where there is one, then the most
 * plausible, then that of the highest expected accuracy (an unknown one is below all others), then
 * the first.
 */
export function bestPrompt(outcomes: readonly PromptOutcome[]): number {
  const accuracy = ({ expected_accuracy: expected }: PromptOutcome): number =>
    expected.known ? expected.pearson : -1;
  const places = outcomes.map((outcome, at) => ({ outcome, at }));
  const [first] = places.toSorted(
    ({ outcome: x }, { outcome: y }) =>
      Number(y.reads === 1) - Number(x.reads === 1) ||
      y.score - x.score ||
      accuracy(y) - accuracy(x),
  );
  if (first === undefined) throw new Error("A round has a prompt.");
  return first.at;
}
