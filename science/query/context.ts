import type { AtlasIndex } from "../atlas/atlas-index.ts";
import { joined, labelKey } from "../knowledge/tokens.ts";
import { vocabulary as names } from "../knowledge/vocabularies.ts";
import type { Stated } from "./amounts.ts";
import { nameOf } from "./ambiguities.ts";
import { markerPlaces } from "./markers.ts";
import type { GivenMention, Sentence } from "./mention.ts";
import { quotable } from "./question-error.ts";
import { labelsOfSamples } from "./context-in-atlas.ts";
import { originWords } from "./context-words.ts";
import type { Found, Origin } from "./context-words.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * Where the asked cells come from and what they are beside their type: species, tissue, disease,
 * donor group, what was done to them before, markers. Words of names and amounts are none of it.
 */

/** More words are no name of a tissue or disease that people write. */
const LONGEST = 7;
/** Abbreviations count as written in capitals. */
const SHORTEST_WORD = 5;
const MOST = 12;

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));

interface Asked {
  readonly sentence: Sentence;
  readonly tissues: readonly Stated[];
  /** What is given beside what is asked about. */
  readonly before: readonly GivenMention[];
}

/** What a question says of the origin of its cells, in the order of the text. */
export function readOrigins(
  { sentence, tissues, before }: Asked,
  atlases: readonly AtlasIndex[],
  vocabulary: Vocabulary,
): readonly Found[] {
  const { text, tokens } = sentence;
  const own = labelsOfSamples(atlases);
  const found: Found[] = [];
  const used = new Set<number>();
  const isFree = (index: number): boolean =>
    sentence.taken[index] !== 1 &&
    !used.has(index) &&
    !sentence.instructed.some(([from, to]) => {
      const start = tokens[index]?.start ?? 0;
      return start >= from && start < to;
    });
  const wordsIn = (from: number, to: number): string =>
    quotable(text.slice(tokens[from]?.start, tokens[to - 1]?.end));
  const add = (origin: Origin, from: number, to: number): void => {
    for (let index = from; index < to; index++) used.add(index);
    const words = origin.kind === "marker" ? origin.name : wordsIn(from, to);
    if (!isDenied(from, sentence, vocabulary)) found.push({ ...origin, text: words, from, to });
  };
  for (const { from, to } of markerPlaces(sentence))
    if (range(from, to).every(isFree)) {
      const end = tokens[to - 1]?.end ?? 0;
      const sign = /^[+\-−–]/.exec(text.slice(end))?.[0] ?? "";
      add({ kind: "marker", name: `${wordsIn(from, to)}${sign}`, id: null }, from, to);
    }
  for (const mention of before) {
    const [from, to] = [mention.from, mention.to + 1];
    for (const index of range(from, to)) used.add(index);
    const name = nameOf(mention);
    found.push({ kind: "background", name, id: null, text: wordsIn(from, to), from, to });
  }
  for (let length = Math.min(LONGEST, tokens.length); length > 0; length--)
    for (let from = 0; from + length <= tokens.length; from++) {
      const to = from + length;
      if (!range(from, to).every(isFree) || hasBreak(sentence, from, to)) continue;
      if (isOfGiving(sentence, from, to)) continue;
      const origin = originOf(sentence, { from, to }, own, vocabulary);
      if (origin !== null) add(origin, from, to);
    }
  for (const { value, text: stated } of tissues)
    if (!found.some(({ name, text: words }) => name === value || words.includes(stated)))
      found.push({
        kind: "tissue",
        name: value,
        id: names("tissues").find(labelKey(value))?.id ?? null,
        text: quotable(stated),
        from: tokens.length,
        to: tokens.length,
      });
  return distinct(found.toSorted((a, b) => a.from - b.from)).slice(0, MOST);
}

function originOf(
  { text, tokens }: Sentence,
  { from, to }: { readonly from: number; readonly to: number },
  own: ReadonlyMap<string, Origin>,
  vocabulary: Vocabulary,
): Origin | null {
  const span = tokens.slice(from, to);
  const keys = [...new Set(Object.values(joined(span)))];
  const known = keys.map((key) => own.get(key) ?? originWords().byKey.get(key)).find(Boolean);
  if (known !== undefined) return known;
  const written = text.slice(tokens[from]?.start, tokens[to - 1]?.end);
  const isShort = (keys[0]?.length ?? 0) < SHORTEST_WORD;
  const [first, last] = [span[0]?.key ?? "", span.at(-1)?.key ?? ""];
  if (isShort && !/^[\p{Lu}\p{N} -]{2,}$/u.test(written)) return null;
  if ([first, last].some((key) => vocabulary.stop_words.has(key) && !WHOLE_WORDS.has(key)))
    return null;
  for (const [kind, list] of [
    ["disease", "diseases"],
    ["tissue", "tissues"],
  ] as const)
    for (const key of keys) {
      const concept = names(list).find(key);
      if (concept !== null) return { kind, name: concept.name, id: concept.id };
    }
  return null;
}

/** Organs among the words that end no name of a cell type. */
const WHOLE_WORDS = new Set(["lung", "liver", "blood", "gut"]);

const GIVEN_WITH = wordSet("with by using mit durch avec con");
const PARTICIPLES = wordSet("stimulated activated primed polarized polarised differentiated");
const INFECTION = wordSet("infection infections");
const AMOUNT = wordSet("for over h hours hour days day min a an the human recombinant");

/** "Stimulated with IFN-beta" and "Salmonella infection" say what is asked about, and nothing of before. */
function isOfGiving({ text, tokens, taken }: Sentence, from: number, to: number): boolean {
  const key = tokens[from]?.key ?? "";
  if (to - from > 1) return false;
  if (INFECTION.has(key))
    return (
      taken[from - 1] === 1 &&
      /^[\s-]$/.test(text.slice(tokens[from - 1]?.end, tokens[from]?.start))
    );
  if (!PARTICIPLES.has(key)) return false;
  if (
    taken[from - 1] === 1 &&
    /^\p{Pd}$/u.test(text.slice(tokens[from - 1]?.end, tokens[from]?.start))
  )
    return true;
  let index = to;
  while (taken[index] === 1 || AMOUNT.has(tokens[index]?.key ?? "")) index++;
  if (!GIVEN_WITH.has(tokens[index]?.key ?? "")) return false;
  do index++;
  while (AMOUNT.has(tokens[index]?.key ?? ""));
  return taken[index] === 1;
}

/** "LPS-treated monocytes": the name of what the cells were given before. */
export function isGivenBefore({ to }: GivenMention, { text, tokens }: Sentence): boolean {
  const next = tokens[to];
  if (next === undefined || !originWords().treated.has(next.key)) return false;
  return !/[.;:?!,]/.test(text.slice(tokens[to - 1]?.end, next.start));
}

/** Words before it at most. */
const DENIAL_REACH = 2;

function isDenied(from: number, { text, tokens }: Sentence, vocabulary: Vocabulary): boolean {
  if (tokens[from - 1]?.key === "non") return true;
  for (let index = from - 1; index >= 0 && index >= from - DENIAL_REACH; index--) {
    if (/[.;:?!,]/.test(text.slice(tokens[index]?.end, tokens[index + 1]?.start))) return false;
    if (vocabulary.negations.has(tokens[index]?.key ?? "")) return true;
  }
  return false;
}

function distinct(found: readonly Found[]): Found[] {
  return [
    ...new Map(found.toReversed().map((each) => [`${each.kind} ${each.name}`, each])).values(),
  ].toReversed();
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

function hasBreak({ text, tokens }: Sentence, from: number, to: number): boolean {
  return range(from + 1, to).some((index) =>
    /[;?!。？！；，、\n(),]|[.:]\s/.test(text.slice(tokens[index - 1]?.end, tokens[index]?.start)),
  );
}
