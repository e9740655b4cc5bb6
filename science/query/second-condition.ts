import { nameOf } from "./ambiguities.ts";
import { wordsOf } from "./mention.ts";
import { isModifiedStimulus, isModifier } from "./modified-response.ts";
import type { GivenMention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * What cells were given, or were in, beside what is asked about: "under hypoxia", "after dexamethasone",
 * "primed with LPS". A name that only says what may change is none.
 */

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
/** Lead to what else the cells are given. */
const LEADING = wordSet(
  "after under following with plus then presence given receive received pretreated upon before first by against during background top",
);
/** "Exposed to", "cultured in", "starved of", "incubated in". */
const TREATED =
  /^(?:pre)?(?:expos|cultur|incubat|grown|kept|held|condition|stimulat|activat|treat|prim|polari[sz]|infect|starv|differentiat|matured|expand|maintain)/;
const WITHIN = wordSet("to in of with by");
/** Stand between such a word and the name. */
const FILLERS = wordSet(
  "a an the of low high dose doses ng ml nm um additional further prior previous to h hours hour days day min minutes recombinant human exposure treatment stimulation background presence",
);
const GIVEN =
  /^(?:pretreatment|pretreated|preconditioning|priming|primed|treatment|treated|stimulation|stimulated|stimulus|infection|infected|tolerized|tolerised|polari[sz]ed|activated|exposed|then|first|conditioned|withdrawal|challenge|challenged|resistant)$/;
const REACH = 6;

/** The further mention that stands for what the cells have been given too; undefined without one. */
export function secondGiven(
  chosen: readonly GivenMention[],
  given: readonly GivenMention[],
  sentence: Sentence,
): GivenMention | undefined {
  const names = new Set(chosen.flatMap(namesOf));
  const isInPlace = chosen.some(({ meaning }) => isEnvironment(meaning));
  const isOther = (mention: GivenMention): boolean =>
    !chosen.includes(mention) &&
    !namesOf(mention).some((name) => names.has(name)) &&
    !chosen.some((each) => areOne(each, mention, sentence));
  return given.find(
    (mention) =>
      isOther(mention) &&
      !isAlternative(mention, sentence) &&
      !chosen.some((each) => areApposed(each, mention, sentence)) &&
      !isMade(mention, sentence) &&
      !isSetAside(mention, sentence) &&
      (isInPlace ||
        isGivenToo(mention, chosen, sentence) ||
        isModifier(mention, sentence) ||
        isModifiedStimulus(mention, sentence) ||
        chosen.some((each) => comesLater(mention, each, sentence))),
  );
}

const isEnvironment = (meaning: GivenMention["meaning"]): boolean =>
  meaning.kind === "perturbation" && meaning.entry?.kind === "environment";

/** "Ultraviolet irradiation" is one thing. */
const areOne = (left: GivenMention, right: GivenMention, { text, tokens }: Sentence): boolean =>
  isEnvironment(left.meaning) &&
  isEnvironment(right.meaning) &&
  left.to === right.from &&
  /^[\s\p{Pd}]$/u.test(text.slice(tokens[left.to - 1]?.end, tokens[right.from]?.start));

/** "Centrinone, a PLK4 inhibitor" is one thing. */
function areApposed(one: GivenMention, other: GivenMention, { text, tokens }: Sentence): boolean {
  const [left, right] = one.from < other.from ? [one, other] : [other, one];
  const isClass = [one, other].some(({ meaning }) => meaning.kind === "ambiguous");
  const gap = text.slice(tokens[left.to - 1]?.end, tokens[right.from]?.start);
  return isClass && right.from >= left.to && APPOSED.test(gap);
}
const APPOSED =
  /^[\s,()]*(?:(?:the|an?|like|such as|e\.g\.|i\.e\.|namely|potent|selective|known|which is|another)[\s,]*)*$/i;

/** Substances and pathogens that cells do not make: where they are named, they are given. */
const isFromOutside = (meaning: GivenMention["meaning"]): boolean =>
  (meaning.kind === "ambiguous" &&
    meaning.entries.every(({ kind }) => kind === "drug" || kind === "pathogen")) ||
  isOneFromOutside(meaning);

const isOneFromOutside = (meaning: GivenMention["meaning"]): boolean =>
  meaning.kind === "perturbation" &&
  (meaning.entry?.kind === "drug" || meaning.entry?.kind === "pathogen") &&
  meaning.entry.response.length > 0;

const MADE = wordSet(
  "expression secretion production release level levels synthesis mrna transcripts protein genes targets signature",
);
const ASIDE = /\b(?:aside from|apart from|besides|unlike|other than|except(?: for)?|like)\s+$/i;
const isSetAside = ({ from }: GivenMention, { text, tokens }: Sentence): boolean =>
  ASIDE.test(text.slice(0, tokens[from]?.start).slice(-20));

/** "TNF secretion" is what may change. */
const isMade = ({ to }: GivenMention, { tokens }: Sentence): boolean =>
  MADE.has(tokens[to]?.key ?? "");

const LATER =
  /^\s*(?:,\s*)?(?:(?:treatment|given|stimulation)\s+)?(?:after|following|before|prior to|on|[^.;:?!]*\b(?:together|along|combined|combination) with)\s[^.;:?!]*$/i;

/** "IFN-beta after 24 h of dexamethasone", "IFN-beta on monocytes primed with LPS": the first is given too where the second was read. */
function comesLater(
  first: GivenMention,
  second: GivenMention,
  { text, tokens }: Sentence,
): boolean {
  if (second.from < first.to) return false;
  const gap = text.slice(tokens[first.to - 1]?.end, tokens[second.from]?.start);
  return gap.length < LONGEST_GAP && LATER.test(gap);
}
const LONGEST_GAP = 60;

const namesOf = (mention: GivenMention): readonly string[] =>
  mention.meaning.kind === "ambiguous"
    ? [mention.meaning.label, ...mention.meaning.entries.map(({ name }) => name)]
    : [nameOf(mention)];

const isAlternative = ({ from, to }: GivenMention, { tokens }: Sentence): boolean =>
  [from - 1, to].some((index) =>
    ["or", "oder", "ou", "vs", "versus"].includes(tokens[index]?.key ?? ""),
  );

/** "La réponse des monocytes à l'IFN-beta", "responden al IFN-beta". */
const ANSWERED =
  /(?<!\p{L})(?:r[ée]pon(?:d\p{L}*|ses?)|r[ée]agi\p{L}*|respond\p{L}*|respuestas?|reaccion\p{L}*)(?:-(?:ils|elles|elle|il))?\s+(?:[^.;:?!,]{0,70}\s)?(?:à|au|aux|al|a)\s+(?:la\s|le\s|l['’])?$/iu;
const LONGEST_ANSWER = 110;

function isGivenToo(
  { meaning, from, to }: GivenMention,
  chosen: readonly GivenMention[],
  { text, tokens, taken }: Sentence,
): boolean {
  if (isEnvironment(meaning) || isFromOutside(meaning)) return true;
  if (ANSWERED.test(text.slice(0, tokens[from]?.start).slice(-LONGEST_ANSWER))) return true;
  const key = (index: number): string => tokens[index]?.key ?? "";
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  if (!/[.;:?!,]/.test(gap(to - 1)) && GIVEN.test(key(to))) return true;
  if (/^(?:pre|treated)$/.test(key(to)) && GIVEN.test(`pre${key(to + 1)}`)) return true;
  for (let index = from - 1; index >= 0 && index >= from - REACH; index--) {
    if (/[.;:?!]/.test(gap(index)) || chosen.some((each) => index >= each.from && index < each.to))
      return false;
    if (LEADING.has(key(index))) return true;
    if (TREATED.test(key(index))) return true;
    if (WITHIN.has(key(index)) && TREATED.test(key(index - 1))) return true;
    if (taken[index] !== 1 && !FILLERS.has(key(index))) return false;
  }
  return false;
}

const CONDITION =
  /\b(?:hypoxic|anoxi[ac]|(?:ir)?radiat(?:ed|ion)|(?:pre-?)?heat[- ]shock(?:ed)?|(?:serum|nutrient|glucose|amino acid)[- ](?:starv\w+|depriv\w+)|starved of|(?:shear|oxidative|er|mechanical|osmotic|metabolic|nutrient|genotoxic|hypoxic|heat|cold|replication) stress|co-?cultured? with|(?:high|low)[- ]glucose|acidosis|hyperthermia|confluent|(?:(?:previously |pre-?)(?:treated|exposed|stimulated|incubated)|primed|infected|infection) (?:with|to|by|in))\b/gi;
const TO_WHAT = / (?:with|to|by|in)$/i;
const DENIED = /(?:without|no|not|absence of|non)[\s-]*(?:any\s+)?$/i;
const VEHICLE = /^\s*(?:the\s+)?(?:vehicle|dmso|pbs|saline|mock|medium|media|control|nothing)\b/i;

/** The words of a condition beside what is asked about that no name was found in; null without one. */
export function otherCondition(
  chosen: readonly GivenMention[],
  sentence: Sentence,
  vocabulary: Vocabulary,
): string | null {
  const { text, tokens, instructed } = sentence;
  for (const { 0: words, index } of text.matchAll(CONDITION)) {
    const end = index + words.length;
    const isWithin = (each: GivenMention): boolean =>
      (tokens[each.from]?.start ?? 0) < end && (tokens[each.to - 1]?.end ?? 0) > index;
    const isBeside = chosen.some(
      ({ to }) =>
        (tokens[to - 1]?.end ?? 0) <= index &&
        /^[\s-]*$/.test(text.slice(tokens[to - 1]?.end, index)),
    );
    if (isBeside || chosen.some(isWithin) || DENIED.test(text.slice(0, index))) continue;
    if (instructed.some(([from, to]) => index >= from && index < to)) continue;
    const next = tokens.findIndex(({ start }) => start >= end);
    const isOfChosen = chosen.some(
      (each) =>
        TO_WHAT.test(words) &&
        each.from >= next &&
        tokens
          .slice(next, each.from)
          .every(
            ({ key }, at) =>
              sentence.taken[next + at] === 1 || vocabulary.stop_words.has(key) || FILLERS.has(key),
          ),
    );
    if (isOfChosen || VEHICLE.test(text.slice(end))) continue;
    return text.slice(index, tokens[next]?.end ?? end);
  }
  return null;
}

/** The words for what is asked about. */
export const wordsOfAll = (chosen: readonly GivenMention[], sentence: Sentence): string =>
  [...new Set(chosen.map((each) => wordsOf(each, sentence)))].join(" and ");
