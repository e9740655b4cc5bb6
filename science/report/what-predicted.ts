import type { ExpectedAccuracy } from "../accuracy/accuracy-schema.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { type Basis, type BasisFacts, caution, fact, shownIteration } from "./basis.ts";

export const baselineText = (name: string): string =>
  `Predicted by the built-in baseline ${name}, which adds a mean shift to the query cells; not by STACK. Use it to check the set-up, not as a model's answer.`;

export function modelOf(facts: BasisFacts): Basis[] {
  const shown = shownIteration(facts);
  if (shown === undefined) return [];
  if (shown.model === undefined)
    return [
      caution("Model", "An earlier release made this run and did not record what predicted."),
    ];
  const { name, is_baseline } = shown.model;
  return [
    is_baseline
      ? caution("Baseline model", baselineText(name))
      : fact("Model", `Predicted by ${name}.`),
  ];
}

/** That the prompt cells were given something else than what is asked about. */
export const standInText = (
  standIn: string,
  { perturbation: { name, atlas_labels } }: StructuredQuery,
): string =>
  `${standIn} stands in for ${name}, ${
    atlas_labels.length === 0
      ? "of which the atlas has no cells"
      : "although the atlas has cells of it"
  }; what is predicted is the response to ${standIn}, and how alike the two are was not measured.`;

export function standInCaution(facts: BasisFacts): Basis[] {
  const standIn = shownIteration(facts)?.stand_in;
  const { structured_query: query } = facts;
  return standIn === undefined || query === null
    ? []
    : [caution("Stand-in", standInText(standIn, query))];
}

/** That the prompt cells differ in more than the perturbation. */
export function pooledOf(facts: BasisFacts): Basis[] {
  const { pooled = [] } = shownIteration(facts) ?? {};
  return pooled.length === 0
    ? []
    : [
        caution(
          "Pooled",
          `Not the same was done to all prompt cells beside the perturbation, and they are pooled: ${pooled.join("; ")}.`,
        ),
      ];
}

export function transferOf(facts: BasisFacts): Basis[] {
  const transfer = shownIteration(facts)?.transfer;
  if (transfer === undefined) return [];
  return [
    fact(
      "Transfer",
      transfer.kind === "delta"
        ? `Delta transfer: the prompt's response is added as it is. ${transfer.reason}`
        : `Learned inside the atlas: on ${transfer.left_out} left-out responses its squared errors were ${transfer.mse_ratio.toFixed(2)} times those of delta transfer.`,
    ),
  ];
}

export function promptsOf(facts: BasisFacts): Basis[] {
  const { iteration, prompts = [], mixture, expected_accuracy } = shownIteration(facts) ?? {};
  if (prompts.length < 2) return [];
  return mixture !== undefined
    ? [
        fact(
          "Prompts",
          `A mixture of the predictions from ${mixture.predictions.length} of the ${prompts.length} prompts that iteration ${iteration} tried side by side, in equal shares: each cell is as one of them predicts it. Its expected accuracy is higher${compared(expected_accuracy, mixture.alone)}.`,
        ),
      ]
    : [
        fact(
          "Prompts",
          `The best of ${prompts.length} that iteration ${iteration} tried side by side, by score and expected accuracy.`,
        ),
      ];
}

const compared = (together: ExpectedAccuracy | undefined, alone: ExpectedAccuracy): string =>
  together?.known === true && alone.known
    ? ` than that of the best of them alone (${together.pearson.toFixed(3)} against ${alone.pearson.toFixed(3)})`
    : " than that of the best of them alone";
