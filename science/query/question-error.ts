import { distance } from "fastest-levenshtein";
import { HaystackError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { geneticEffectAt } from "../knowledge/genetic-words.ts";
import { labelKey } from "../knowledge/tokens.ts";
import type { TermIndex } from "../knowledge/term-index.ts";
import type { Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What a question left unknown, said so that the asker can repair it. */

const LONGEST_QUOTE = 60;
const MOST_WORDS = 4;

/** The words after a cue ("respond to X") that no name was found in; null when there are none. */
export function unknownGiven(sentence: Sentence, vocabulary: Vocabulary): string | null {
  const { tokens, taken } = sentence;
  const cues = tokens.flatMap(({ key }, index) =>
    taken[index] !== 1 && vocabulary.cues.has(key) ? [index] : [],
  );
  const isAfterVerb = (index: number): boolean =>
    tokens
      .slice(Math.max(0, index - 2), index)
      .some((token) => vocabulary.cue_verbs.has(token.key));
  for (const index of [...cues.filter(isAfterVerb), ...cues]) {
    const phrase = phraseFrom(sentence, index + 1, vocabulary);
    if (phrase !== null) return phrase;
  }
  return null;
}

/** The first words of the question that no name was found in and that are not after a cue. */
export function unknownCells(sentence: Sentence, vocabulary: Vocabulary): string | null {
  const { tokens } = sentence;
  const given = unknownGiven(sentence, vocabulary);
  for (let index = 0; index < tokens.length; index++) {
    const phrase = phraseFrom(sentence, index, vocabulary);
    if (phrase !== null && phrase !== given) return phrase;
  }
  return given;
}

function phraseFrom(sentence: Sentence, start: number, { stop_words }: Vocabulary): string | null {
  const { text, tokens, taken } = sentence;
  const first = afterAmount(sentence, start);
  /** The "I" of "IκBα" is no word. */
  const isGlued = (index: number): boolean =>
    !isChinese(tokens[index]?.key) && tokens[index]?.end === tokens[index + 1]?.start;
  let from = first;
  while (
    from < tokens.length &&
    from < first + 2 &&
    taken[from] !== 1 &&
    stop_words.has(tokens[from]?.key ?? "") &&
    !isGlued(from)
  )
    from++;
  let to = from;
  while (
    to < tokens.length &&
    to < from + MOST_WORDS * (isChinese(tokens[to]?.key) ? 3 : 1) &&
    taken[to] !== 1 &&
    (!stop_words.has(tokens[to]?.key ?? "") || isGlued(to))
  )
    to++;
  return to === from ? null : quotable(text.slice(tokens[from]?.start, tokens[to - 1]?.end));
}

/** "Treated with 1 uM ixazomib" names ixazomib. */
function afterAmount({ tokens, taken }: Sentence, start: number): number {
  if (taken[start] !== 1 || !/^\d/.test(tokens[start]?.key ?? "")) return start;
  let index = start;
  while (taken[index] === 1) index++;
  return index;
}

function isChinese(key = ""): boolean {
  return /\p{Script=Han}/u.test(key);
}

/** Untrusted words made safe to print: no control or invisible characters, and short. */
export function quotable(text: string): string {
  const plain = text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  return plain.length > LONGEST_QUOTE ? `${plain.slice(0, LONGEST_QUOTE)}...` : plain;
}

interface KnownNames {
  readonly terms: TermIndex<unknown>;
  readonly inAtlas: readonly string[];
  /** What else is near to what was written, by name alone. */
  readonly known?: (written: string) => readonly string[];
}

/** Names with numbers are codes, which a few letters more or less make others. */
const isNear = (unknown: string, name: string): boolean =>
  !/^[\p{L}\p{N}-]*\d[\p{L}\p{N}-]*$/u.test(unknown) ||
  distance(labelKey(unknown), labelKey(name)) <= Math.max(1, Math.floor(unknown.length / 4));

const KIND_OF_PATHOGEN = /[\s-]?(?:virus|bacterium|bacteria|parasite)$/i;

/** A name that is written already is no advice, and "Zika virus" none for rotavirus. */
function isOtherName(unknown: string, name: string): boolean {
  if (labelKey(unknown) === labelKey(name)) return false;
  const [asked, offered] = [unknown, name].map((each) =>
    labelKey(each.replace(KIND_OF_PATHOGEN, "")),
  ) as [string, string];
  return (
    !KIND_OF_PATHOGEN.test(unknown) ||
    distance(asked, offered) <= Math.max(1, Math.floor(asked.length / 3))
  );
}

/** The name beside a word such as "knockout" that is no gene; null where none is. */
export function unknownGene({ text, tokens }: Sentence): string | null {
  for (const [index] of tokens.entries()) {
    const effect = geneticEffectAt(tokens, index);
    if (effect === null) continue;
    const before = index - 1;
    const next = index + effect.length;
    const isOf = tokens[next]?.key === "of";
    for (const at of isOf ? [next + 1, before] : [before, next]) {
      const name =
        /^[\p{L}\p{N}](?:-?[\p{L}\p{N}])+/u.exec(text.slice(tokens[at]?.start))?.[0] ?? "";
      if (tokens[at] !== undefined && /\d|\p{Lu}.*\p{Lu}/u.test(name)) return quotable(name);
    }
  }
  return null;
}

/** Throws: `what` was not found; names the nearest known names, and what the atlas has. */
export function throwUnknown(
  code: ErrorCode,
  what: string,
  unknown: string | null,
  { terms, inAtlas, known = () => [] }: KnownNames,
): never {
  const nearest =
    unknown === null
      ? []
      : [
          ...new Map(
            [
              ...known(unknown),
              ...terms
                .nearest(unknown, 3)
                .map(({ text }) => text)
                .filter((name) => isNear(unknown, name)),
            ].map((name) => [labelKey(name), name]),
          ).values(),
        ]
          .filter((name) => unknown === null || isOtherName(unknown, name))
          .slice(0, 3);
  const holds = inAtlas.length === 0 ? "" : ` The atlas holds: ${listed(inAtlas)}.`;
  const subject =
    unknown === null ? `The question names no ${what}` : `No ${what} is known as "${unknown}"`;
  const howTo =
    unknown === null
      ? `name one, as in the atlas or by its usual name.`
      : `write it as in the atlas or by its usual name.`;
  const advice = nearest.length === 0 ? howTo : `did you mean ${nearest.join(", ")}?`;
  throw new HaystackError(code, `${subject}; ${advice}${holds}`, {
    details: { unknown, nearest, in_atlas: inAtlas.slice(0, 50) },
  });
}

/** Throws: a repaired name could be others of its kind. */
export function throwUnsure(
  code: ErrorCode,
  what: string,
  written: string,
  {
    couldBe,
    inAtlas,
  }: { readonly couldBe: readonly string[]; readonly inAtlas: readonly string[] },
): never {
  const text = quotable(written);
  const nearest = couldBe.slice(0, 5);
  throw new HaystackError(
    code,
    `No ${what} is known as "${text}"; did you mean ${nearest.slice(0, -1).join(", ")} or ${nearest.at(-1)}? Write the one you mean.`,
    { details: { unknown: text, nearest, in_atlas: inAtlas.slice(0, 50) } },
  );
}

export function listed(names: readonly string[]): string {
  return names.length <= 12
    ? names.join(", ")
    : `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}
