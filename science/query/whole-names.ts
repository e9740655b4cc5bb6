import { isRealName } from "../knowledge/real-names.ts";
import type { Token } from "../knowledge/tokens.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What is glued to a name and makes it another one: VEGF-C, PHA-665752, IL-36Ra, Hs 852.T. */

const GLUE = /^[\p{Pd}._'’()[\]{}]*$/u;
/** Stand before a name without making it another: "rhIL-2", "r-IL-2", "CD8-T cells". */
const MADE_BY = new Set(["r", "rh", "h", "m", "rm", "hu", "mu", "non", "pre", "post", "anti"]);
/** "L'IL-4", "d'insuline": an article or preposition. */
const ELIDED = new Set(["l", "d", "qu"]);
const MARKER = /^cd\d+[a-z]?(?:neg)?$/;
const GREEK = /^(?:alpha|beta|gamma|delta|epsilon|zeta|kappa|lambda|omega|tau)$/;
/** Short words that say how much of a marker or substance there is. */
const SHORT_WORDS = new Set(["low", "lo", "hi", "neg", "pos", "dim", "mid", "cre", "fc"]);
const SHORTEST_WORD = 4;
/** A catalogue number behind a space: "BMP 196872"; amounts are taken before. */
const CATALOGUE = /^\d{4,}[a-z]?$|^\d{3}[a-z]$/;
/** Where on it something else is bound: "isorhamnetin 3-O-beta-D-galactopyranoside". */
const LOCANT = /^\d+['’′]*-(?:\p{Lu}-|\()/u;

interface Words {
  readonly text: string;
  readonly tokens: readonly Token[];
  /** 1 where another name or an amount has the token. */
  readonly taken: Uint8Array;
}

/**
 * Whether nothing beside the words [from, to) belongs to a longer name that they are a part of. In the
 * name of a substance (`isSubstance`) every word glued before it does: N-acetyl-L-aspartate.
 */
export function isWhole(
  { text, tokens, taken }: Words,
  { from, to }: { readonly from: number; readonly to: number },
  vocabulary: Vocabulary,
  isSubstance = false,
): boolean {
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  const [before, after] = [tokens[from - 1], tokens[to]];
  if (after !== undefined && taken[to] !== 1) {
    const isOther = isCode(after) || isUnknownCapitals(after, text);
    if (GLUE.test(gap(to - 1)) && isOther && !isSaying(after, vocabulary)) return false;
    const isNumbered = CATALOGUE.test(after.plain) || LOCANT.test(text.slice(after.start));
    if (gap(to - 1) === " " && isNumbered) return false;
  }
  if (before === undefined || taken[from - 1] === 1 || !GLUE.test(gap(from - 1))) return true;
  if (ELIDED.has(before.key) && /^['’]$/.test(gap(from - 1))) return true;
  if (isSaying(before, vocabulary) || MADE_BY.has(before.key) || MARKER.test(before.key))
    return true;
  return !isSubstance && !isCode(before) && isRealName([before]);
}

const isUnknownCapitals = (token: Token, text: string): boolean =>
  /^\p{Lu}+$/u.test(text.slice(token.start, token.end)) && !isRealName([token]);

const isCode = ({ plain }: Token): boolean =>
  /\d/.test(plain) ||
  GREEK.test(plain) ||
  (/^[a-z]+$/.test(plain) && plain.length < SHORTEST_WORD && !SHORT_WORDS.has(plain));

/** A word with a meaning of its own in a question: "IL-2-", "TNF-KO", "-/-". */
function isSaying({ key }: Token, vocabulary: Vocabulary): boolean {
  return (
    ["ko", "kd", "oe"].includes(key) ||
    [vocabulary.stop_words, vocabulary.cues, vocabulary.conjunctions, vocabulary.blockade].some(
      (words) => words.has(key),
    )
  );
}
