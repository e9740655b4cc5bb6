import { restsOn, type Basis } from "../science/report/rests-on.ts";
import type { RunDocument } from "../services/runs/document.ts";

/** How commands show a run: to people, and as JSON in the form of the HTTP API. */

export const shownRun = (
  document: RunDocument,
): RunDocument & { readonly rests_on: readonly Basis[] } => ({
  ...document,
  rests_on: restsOn(document),
});

/** The one score of a run, that of the delivered iteration; before, of each so far. */
export function scoreOf({
  final_score,
  delivered_iteration,
  grounding_scores,
}: Pick<RunDocument, "final_score" | "delivered_iteration" | "grounding_scores">): string {
  if (final_score === null) return grounding_scores.join(", ") || "-";
  return grounding_scores.length === 1
    ? `${final_score}/10`
    : `${final_score}/10 (iteration ${delivered_iteration} of ${grounding_scores.join(", ")})`;
}

/** What the answer rests on, a line each; what must be known is marked. */
export const basisLines = (document: RunDocument): string[] =>
  restsOn(document).map(({ title, text, caution }) => `${caution ? "! " : "  "}${title}: ${text}`);
