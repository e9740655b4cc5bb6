import { distance } from "fastest-levenshtein";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { namedDrug } from "../knowledge/named-drugs.ts";
import { findPerturbation } from "../knowledge/resolve.ts";
import { joined, labelKey, tokenise } from "../knowledge/tokens.ts";
import { vocabulary } from "../knowledge/vocabularies.ts";
import { nameOf } from "./ambiguities.ts";
import { wordsOf } from "./mention.ts";
import type { Mention, Sentence } from "./mention.ts";
import { quotable } from "./question-error.ts";
import type { QuestionTerms } from "./question-terms.ts";
import type { StructuredQuery } from "./structured-query.ts";

/** Names that were repaired: which others they could be, and what the asker has to confirm. */

/**
 * The other names of its kind that a repaired name could be: at most one edit further from what was
 * written than the one it was repaired to. A drug or compound that is known by name only is one where
 * it is no further.
 */
export function rivals(
  mention: Mention,
  sentence: Sentence,
  terms: QuestionTerms,
  knowledge: Knowledge,
): string[] {
  if (!mention.misspelt || mention.name === null) return [];
  const tokens = sentence.tokens.slice(mention.from, mention.to);
  const plain = joined(tokens, "plain").singular;
  const most = distance(joined(tokenise(mention.name), "plain").singular, plain) + 1;
  const isCell = mention.meaning.kind === "cell_type";
  const own = nameOf(mention);
  const known = terms
    .couldBe(tokens)
    .filter(
      ({ term: { meaning }, edits }) => edits <= most && (meaning.kind === "cell_type") === isCell,
    )
    .map(({ term: { meaning, text } }) =>
      meaning.kind === "ambiguous" ? meaning.label : (meaning.entry?.name ?? text),
    );
  const named = isCell
    ? []
    : (["drugs", "compounds"] as const)
        .flatMap((list) => vocabulary(list).near(labelKey(wordsOf(mention, sentence)), most - 1))
        .map(
          ({ name }) =>
            findPerturbation(name, knowledge)?.entry.name ??
            namedDrug(tokenise(name), knowledge)?.meaning.name ??
            name,
        );
  return [...new Map([...known, ...named].map((name) => [labelKey(name), name])).values()].filter(
    (name) => labelKey(name) !== labelKey(own),
  );
}

const MOST_KNOWN = 2;

/** Drugs and compounds within an edit of a name that nobody knows. */
export const nearDrugs = (written: string): string[] => {
  const key = labelKey(written);
  const isLong = key.length >= LEAST_LETTERS && !/\p{Script=Han}/u.test(key);
  return (isLong ? (["drugs", "compounds"] as const) : [])
    .flatMap((list) =>
      vocabulary(list)
        .near(key, 1)
        .map(({ name }) => name),
    )
    .slice(0, MOST_KNOWN);
};
const LEAST_LETTERS = 6;

/** What a name was repaired to; the asker confirms it by writing it so. */
interface Repaired {
  readonly field: "cell_type" | "perturbation";
  readonly text: string;
  readonly name: string;
}

export const repairsOf = ({
  cell_type,
  perturbation,
}: Pick<StructuredQuery, "cell_type" | "perturbation">): Repaired[] =>
  (
    [
      ["cell_type", cell_type],
      ["perturbation", perturbation],
    ] as const
  ).flatMap(([field, { match, matched_text, name }]) =>
    match === "spelling" ? [{ field, text: quotable(matched_text), name }] : [],
  );
