import { reject } from "./model-choice-checks.ts";
import type { Understood } from "./model-choice-schema.ts";
import { quotable } from "./question-error.ts";
import type { StructuredQuery } from "./structured-query.ts";
import { isBroader } from "./unread-words.ts";

/**
 * What the rules found unclear about dose, time, tissue and donor stays on record, whichever
 * reading the model took.
 */
export function sampleAmbiguities(
  choice: Pick<Understood, "dose" | "time" | "tissue" | "donor">,
  draft: StructuredQuery | null,
): StructuredQuery["ambiguities"] {
  return (draft?.ambiguities ?? []).flatMap((ambiguity) => {
    if (ambiguity.field === "cell_type" || ambiguity.field === "perturbation") return [];
    const chosen = choice[ambiguity.field] ?? "none";
    return [
      {
        ...ambiguity,
        chosen,
        alternatives: [ambiguity.chosen, ...ambiguity.alternatives].filter(
          (other) => other !== chosen,
        ),
      },
    ];
  });
}

/** What the rules read beside the same names and could not use is said whoever read the names. */
export const broaderThanAsked = (
  draft: StructuredQuery | null,
  chosen: Pick<StructuredQuery, "cell_type" | "perturbation">,
): StructuredQuery["ambiguities"] =>
  (draft?.ambiguities ?? []).filter(
    (ambiguity) =>
      draft !== null &&
      isBroader(ambiguity, draft) &&
      (ambiguity.field === "cell_type" || ambiguity.field === "perturbation") &&
      ambiguity.chosen === chosen[ambiguity.field].name,
  );

interface Choice {
  readonly field: "cell_type" | "perturbation";
  readonly chosen: { readonly name: string; readonly matched_text: string };
  /** What the rules read. */
  readonly drafted: string | undefined;
  /** What else the model found possible. */
  readonly ids: readonly string[];
}

export function alternatives(
  { field, chosen: { name, matched_text }, drafted, ids }: Choice,
  nameOf: (id: string) => string | undefined,
): StructuredQuery["ambiguities"] {
  const named = ids
    .slice(0, 10)
    .map((id) => nameOf(id) ?? reject(`other_${field}s: there is no ${field} ${quotable(id)}.`));
  const others = [...new Set([...named, ...(drafted === undefined ? [] : [drafted])])].filter(
    (other) => other !== name,
  );
  return others.length === 0
    ? []
    : [{ field, text: matched_text, chosen: name, alternatives: others }];
}
