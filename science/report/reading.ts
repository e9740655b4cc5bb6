import type { StructuredQuery } from "../query/structured-query.ts";

/**
 * That the answer lies measured in the atlas, where it does: such a question is answered by reading,
 * not by predicting. Null where nothing of it is measured. `reads`: the share of the prompt cells
 * that are the asked cells under the asked perturbation.
 */
export function readingSentence(
  { cell_type, perturbation, donor, measured_answer }: StructuredQuery,
  reads = 0,
): string | null {
  const asked = `${cell_type.name} under ${perturbation.name}${donor === null ? "" : ` of donor ${donor.replace(/^[^:]*:/, "")}`}`;
  const cells = measured_answer?.cells ?? 0;
  if (reads >= 1)
    return `This answer is read, not predicted: the prompt cells are measured cells of ${asked}.`;
  if (reads > 0)
    return `This answer is read in part: ${(100 * reads).toFixed(0)} % of the prompt cells are measured cells of ${asked}.`;
  return cells === 0
    ? null
    : `The answer lies measured in the atlas: it holds ${cells} ${cells === 1 ? "cell" : "cells"} of ${asked}. This prediction was made without them.`;
}
