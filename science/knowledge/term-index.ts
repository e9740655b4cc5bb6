import { distance } from "fastest-levenshtein";
import { isRealName } from "./real-names.ts";
import { joined, tokenise } from "./tokens.ts";
import type { Token } from "./tokens.ts";

/**
 * Finds entries by their names. Built once for a set of names; a name given twice belongs to the
 * first.
 */

export interface Term<Meaning> {
  /** The name as it stands in the data. */
  readonly text: string;
  readonly meaning: Meaning;
  /**
   * How a text has to write it: "capitals" with one of them, "exactly" as in the data but for
   * spaces and hyphens, "beside cells" so and with the word "cells" behind it.
   */
  readonly written?: "capitals" | "exactly" | "beside cells";
}

export interface TermIndex<Meaning> {
  find(tokens: readonly Token[]): Term<Meaning> | undefined;
  /**
   * The nearest name within the spelling limit; null when none is, or when two meanings are equally
   * near.
   */
  findMisspelt(tokens: readonly Token[]): Term<Meaning> | null;
  /** All names within the spelling limit that a misspelt one could be, one a meaning, nearest first. */
  couldBe(tokens: readonly Token[]): { readonly term: Term<Meaning>; readonly edits: number }[];
  /** Names in order of their likeness to `text`, the most alike first, one a meaning. */
  nearest(text: string, count: number): Term<Meaning>[];
}

/** Edits for each letter up to which a name is near enough to be offered. */
const MOST_UNLIKE = 1 / 3;

/** `base`, when given, is searched too and comes first. */
export function buildTermIndex<Meaning>(
  terms: Iterable<Term<Meaning>>,
  base?: TermIndex<Meaning>,
): TermIndex<Meaning> {
  const byKey = new Map<string, Term<Meaning>>();
  const byPlain = new Map<string, Term<Meaning>>();
  for (const term of terms) {
    const tokens = tokenise(term.text);
    for (const key of Object.values(joined(tokens)))
      if (key !== "" && !byKey.has(key)) byKey.set(key, term);
    const plain = joined(tokens, "plain").singular;
    if (plain !== "" && !byPlain.has(plain)) byPlain.set(plain, term);
  }
  const alike = Map.groupBy(byPlain, ([plain]) => shape(plain, plain.length));

  return {
    find(tokens) {
      const { asWritten, singular } = joined(tokens);
      return base?.find(tokens) ?? byKey.get(asWritten) ?? byKey.get(singular);
    },
    findMisspelt(tokens) {
      const known = base?.findMisspelt(tokens) ?? null;
      if (known !== null) return known;
      const plain = joined(tokens, "plain").singular;
      const limit = spellingLimit(tokens);
      if (limit === 0 || byPlain.has(plain) || isRealName(tokens)) return null;
      let best: Term<Meaning> | null = null;
      let bestDistance = limit + 1;
      for (let length = plain.length - limit; length <= plain.length + limit; length++) {
        for (const [candidate, term] of alike.get(shape(plain, length)) ?? []) {
          const edits = distance(candidate, plain);
          if (edits < bestDistance) [best, bestDistance] = [term, edits];
          else if (edits === bestDistance && edits <= limit && best?.meaning !== term.meaning)
            best = null;
        }
      }
      return best !== null && saysTheSame(best, plain) && isNearByWord(best, tokens) ? best : null;
    },
    couldBe(tokens) {
      const plain = joined(tokens, "plain").singular;
      const limit = spellingLimit(tokens);
      const found = base?.couldBe(tokens) ?? [];
      for (let length = plain.length - limit; length <= plain.length + limit; length++)
        for (const [candidate, term] of alike.get(shape(plain, length)) ?? []) {
          const edits = distance(candidate, plain);
          if (edits <= limit && saysTheSame(term, plain) && isNearByWord(term, tokens))
            found.push({ term, edits });
        }
      const nearest = found.toSorted((a, b) => a.edits - b.edits);
      return nearest.filter(
        ({ term }, at) => nearest.findIndex((each) => each.term.meaning === term.meaning) === at,
      );
    },
    nearest(text, count) {
      const plain = joined(tokenise(text), "plain").singular;
      const known = (base?.nearest(text, count) ?? []).map(
        (term) => [joined(tokenise(term.text), "plain").singular, term] as const,
      );
      const ranked = [...byPlain, ...known]
        .map(([candidate, term]) => ({
          candidate,
          term,
          unlike: distance(candidate, plain) / Math.max(candidate.length, plain.length, 1),
        }))
        .filter(({ candidate, unlike }) => unlike <= MOST_UNLIKE && hasDigitsOf(candidate, plain))
        .toSorted((a, b) => a.unlike - b.unlike || (a.term.text < b.term.text ? -1 : 1));
      const nearest = new Map<Meaning, Term<Meaning>>();
      for (const { term } of ranked)
        if (!nearest.has(term.meaning)) nearest.set(term.meaning, term);
      return [...nearest.values()].slice(0, count);
    },
  };
}

/**
 * Edits that the letters of a name may be wrong by: none below 5, where abbreviations and codes
 * stand side by side (IL-2, IL-3; MDCK, moDC). The word "cell" is no part of a name.
 */
function spellingLimit(tokens: readonly Token[]): number {
  const letters = tokens
    .filter(({ key }) => key !== "cell" && key !== "cells")
    .map(({ plain }) => plain.replace(/\d+/g, ""))
    .join("");
  if (letters.length < 5 || /\p{Script=Han}/u.test(letters)) return 0;
  return mostEdits(letters);
}

function mostEdits(letters: string): number {
  if (letters.length < 8) return 1;
  return letters.length < 13 ? 2 : 3;
}

/** Of a name of as many words each is near to its own, and the same where it has digits: l7 is no 7. */
function isNearByWord({ text }: Term<unknown>, tokens: readonly Token[]): boolean {
  const words = tokenise(text);
  return (
    words.length !== tokens.length ||
    words.every((word, index) => {
      const [known, given] = [[word], tokens.slice(index, index + 1)].map(
        (each) => joined(each, "plain").singular,
      ) as [string, string];
      return known === given || (!/\d/.test(given) && distance(known, given) <= mostEdits(given));
    })
  );
}

const OPPOSITES = /^(?:hyper|hypo|anti|pro)/;
const CLASSES = /(?:inhibitor|antagonist|agonist|activator|blocker|deficien|activat|inhibit)/;

/** No repair changes a word that turns the meaning: hyperoxia is no hypoxia, an agonist no antagonist. */
function saysTheSame({ text }: Term<unknown>, plain: string): boolean {
  const candidate = joined(tokenise(text), "plain").singular;
  return [OPPOSITES, CLASSES].every(
    (words) => words.exec(candidate)?.[0] === words.exec(plain)?.[0],
  );
}

/** A short name with other digits is another one, however alike: C1q is no CQ. */
const hasDigitsOf = (candidate: string, plain: string): boolean =>
  plain.length > SHORT || candidate.replace(/\D+/g, "") === plain.replace(/\D+/g, "");
const SHORT = 5;

/** What a misspelt name shares with its own: the first letter and all digits (IL-12, IL-13). */
function shape(plain: string, length: number): string {
  return `${plain[0]}${length}/${plain.replace(/\D+/g, "")}`;
}
