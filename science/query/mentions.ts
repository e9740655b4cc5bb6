import { distance } from "fastest-levenshtein";
import type { Term, TermIndex } from "../knowledge/term-index.ts";
import { joined, tokenise } from "../knowledge/tokens.ts";
import type { Token } from "../knowledge/tokens.ts";
import type { Meaning, Mention, Sentence } from "./mention.ts";
import { withNumbered } from "./numbered.ts";
import { isWhole } from "./whole-names.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The longest name has this many tokens; Chinese has one token a character. */
const LONGEST = 20;
/** Misspelt names are searched in at most this many neighbouring words. */
const LONGEST_MISSPELT = 4;

/**
 * Finds and takes all names in the sentence: the longest first, then misspelt ones in what is left.
 * In text order.
 */
export function findMentions(
  sentence: Sentence,
  terms: TermIndex<Meaning>,
  vocabulary: Vocabulary,
): Mention[] {
  const exact = scan(sentence, LONGEST, (tokens, from) => {
    const term = terms.find(tokens);
    return term !== undefined &&
      mayStandFor(term, sentence.text, tokens, vocabulary) &&
      isWhole(sentence, { from, to: from + tokens.length }, vocabulary, isSubstance(term)) &&
      !isNumberedOn(term, sentence, from + tokens.length) &&
      sharesEdges(term, sentence, { from, to: from + tokens.length }, vocabulary)
      ? term
      : null;
  });
  const completed = withNumbered(
    exact.map((mention) => completeMisspelt(mention, sentence, terms, vocabulary)),
    sentence,
    terms,
  );
  const isOfAction = ({ key }: Token): boolean =>
    [vocabulary.blockade, vocabulary.agonism, vocabulary.withdrawal].some((words) =>
      words.has(key),
    );
  const misspelt = scan(sentence, LONGEST_MISSPELT, (tokens, from) =>
    !isWhole(sentence, { from, to: from + tokens.length }, vocabulary) ||
    tokens.some(({ key }) => vocabulary.stop_words.has(key) && key !== "cell" && key !== "cells") ||
    tokens.some(isOfAction) ||
    isAbbreviation(tokens, sentence.text) ||
    onlyStopWords(tokens, vocabulary)
      ? null
      : terms.findMisspelt(tokens),
  );
  return [...completed, ...misspelt.map((mention) => ({ ...mention, misspelt: true }))].toSorted(
    (a, b) => a.from - b.from,
  );
}

/** "BMDCs" are no misspelt BMDMs: of abbreviations each letter counts, but in a text all in capitals. */
function isAbbreviation([only, ...more]: readonly Token[], text: string): boolean {
  if (only === undefined || more.some(({ key }) => key !== "cell" && key !== "cells")) return false;
  const written = text.slice(only.start, only.end);
  return /^\p{Ll}?(?:\p{Lu}\p{Ll}?)?\p{Lu}{3,5}s?$/u.test(written) && /\p{Ll}{3}/u.test(text);
}

/** "TGF-beta 2" and "BMP 7" are other names than those without the number, which is no amount. */
function isNumberedOn(
  { meaning }: Term<Meaning>,
  { text, tokens, taken }: Sentence,
  to: number,
): boolean {
  const [last, next] = [tokens[to - 1], tokens[to]];
  return (
    meaning.kind !== "cell_type" &&
    last !== undefined &&
    next !== undefined &&
    taken[to] !== 1 &&
    text.slice(last.end, next.start) === " " &&
    /^\d{1,2}[a-z]?$/.test(next.plain)
  );
}

/**
 * "Interferon gama" is a misspelt gamma, not the interferon at large: a word beside a found name
 * that completes it to a longer one, but for one edit (two from 8 letters), is taken too.
 */
function completeMisspelt(
  mention: Omit<Mention, "misspelt">,
  { text, tokens, taken }: Sentence,
  terms: TermIndex<Meaning>,
  vocabulary: Vocabulary,
): Mention {
  for (const [from, to, extra] of [
    [mention.from, mention.to + 1, mention.to],
    [mention.from - 1, mention.to, mention.from - 1],
  ] as const) {
    const word = tokens[extra];
    if (
      word === undefined ||
      taken[extra] === 1 ||
      word.plain.length < 4 ||
      vocabulary.stop_words.has(word.key) ||
      hasBreak(text, tokens, from, to)
    )
      continue;
    const span = tokens.slice(from, to);
    const term = terms.findMisspelt(span);
    if (term === null || term.meaning === mention.meaning || term.meaning.kind === "ambiguous")
      continue;
    const edits = distance(
      joined(tokenise(term.text), "plain").singular,
      joined(span, "plain").singular,
    );
    if (edits > (word.plain.length < 8 ? 1 : 2)) continue;
    taken[extra] = 1;
    return { meaning: term.meaning, name: term.text, misspelt: true, from, to };
  }
  return { ...mention, misspelt: false };
}

function scan(
  { text, tokens, taken }: Sentence,
  longest: number,
  lookUp: (tokens: readonly Token[], from: number) => Term<Meaning> | null,
): Omit<Mention, "misspelt">[] {
  const found: Omit<Mention, "misspelt">[] = [];
  for (let length = Math.min(longest, tokens.length); length > 0; length--) {
    for (let from = 0; from + length <= tokens.length; from++) {
      const to = from + length;
      if (taken.subarray(from, to).includes(1) || hasBreak(text, tokens, from, to)) continue;
      const term = lookUp(tokens.slice(from, to), from);
      if (term === null || isOverComma(term, text, tokens.slice(from, to))) continue;
      taken.fill(1, from, to);
      found.push({ meaning: term.meaning, name: term.text, from, to });
    }
  }
  return found;
}

/** "Fibroblasts, interferon beta" names no "fibroblast interferon". */
const isOverComma = (
  term: Term<Meaning>,
  text: string,
  [first, ...more]: readonly Token[],
): boolean =>
  !term.text.includes(",") && /,\s/.test(text.slice(first?.end, more.at(-1)?.start ?? first?.end));

/** "E. coli": the point behind one capital ends no sentence where a small letter follows. */
const isAbbreviated = (text: string, tokens: readonly Token[], index: number): boolean => {
  const { start = 0 } = tokens[index - 1] ?? {};
  return /^\p{Lu}\. \p{Ll}/u.test(text.slice(start, start + 4));
};

/** No name reaches over the end of a sentence. */
function hasBreak(text: string, tokens: readonly Token[], from: number, to: number): boolean {
  for (let index = from + 1; index < to; index++) {
    const gap = text.slice(tokens[index - 1]?.end, tokens[index]?.start);
    if (isAbbreviated(text, tokens, index)) continue;
    if (gap.length > 8 || /[;?!。？！；，、\n]|[.:]\s/.test(gap)) return true;
  }
  return false;
}

/**
 * Short or everyday words count only when written as in the data: "DC", not "dc"; "LIGHT", not
 * "light".
 */
function mayStandFor(
  term: Term<Meaning>,
  text: string,
  tokens: readonly Token[],
  vocabulary: Vocabulary,
): boolean {
  const { asWritten, singular } = joined(tokens);
  const written = text.slice(tokens[0]?.start, tokens.at(-1)?.end);
  if (/\p{Script=Han}/u.test(written)) return true;
  // FBS and DCS are no FBs and DCs.
  if (written === `${term.text}S` && /\p{Ll}/u.test(text)) return false;
  if (asWritten.length < 2 || !isWrittenAs(term, written, text.slice(tokens.at(-1)?.end)))
    return false;
  const bareGene = term.meaning.kind === "perturbation" && term.meaning.entry?.kind === "genetic";
  const guarded =
    asWritten.length === 2 ||
    bareGene ||
    [asWritten, singular].some((key) => vocabulary.case_sensitive.has(key)) ||
    onlyStopWords(tokens, vocabulary);
  return !guarded || written === term.text || written === `${term.text}s`;
}

const isSubstance = ({ meaning }: Term<Meaning>): boolean =>
  meaning.kind === "perturbation" && meaning.entry?.kind === "drug";

function isWrittenAs(
  { text, written: how }: Term<Meaning>,
  written: string,
  behind: string,
): boolean {
  if (how === undefined) return true;
  if (how === "capitals") return /\p{Lu}/u.test(written);
  const bare = (name: string): string => name.replaceAll(/[\s\p{Pd}_]/gu, "");
  const isExact = bare(written) === bare(text);
  return isExact && (how === "exactly" || /^[\s-]*(?:cells?|lines?|Zell|细胞)/u.test(behind));
}

/**
 * "at 1" is not "AT1": a stop word at the edge counts only when the name has it too, or when joined
 * by a hyphen ("IFN-a").
 */
function sharesEdges(
  term: Term<Meaning>,
  { text, tokens }: Sentence,
  { from, to }: Pick<Mention, "from" | "to">,
  { stop_words }: Vocabulary,
): boolean {
  if (to - from === 1) return true;
  const name = tokenise(term.text);
  const glued = (left: number): boolean =>
    !/\s/.test(text.slice(tokens[left]?.end, tokens[left + 1]?.start));
  const stands = (token: Token | undefined, inName: Token | undefined, left: number): boolean =>
    !stop_words.has(token?.key ?? "") ||
    token?.key === "cells" ||
    token?.key === inName?.key ||
    glued(left);
  return stands(tokens[from], name[0], from) && stands(tokens[to - 1], name.at(-1), to - 2);
}

function onlyStopWords(tokens: readonly Token[], { stop_words }: Vocabulary): boolean {
  return tokens.every(({ key }) => stop_words.has(key));
}
