import { labelKey } from "../knowledge/tokens.ts";
import { isBeside } from "./beside-cells.ts";
import type { CellTypeMention, GivenMention, Mention, Sentence } from "./mention.ts";
import { TUMOUR } from "./other-cells.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Which of several mentions the question asks about. */

/**
 * The mentions that are neither negated ("not TNF", "ohne IFN-beta", "unlike B cells") nor taken
 * away ("IL-2 withdrawal").
 */
export function withoutNegated(
  mentions: readonly Mention[],
  sentence: Sentence,
  vocabulary: Vocabulary,
): Mention[] {
  const negated = new Set<Mention>();
  for (const mention of mentions)
    if (isNegated(mention, { mentions, negated }, sentence, vocabulary)) negated.add(mention);
  return mentions.filter((mention) => !negated.has(mention));
}

/** "After removal of IL-2", "washout of the dexamethasone". */
const TAKEN_FROM =
  /\b(?:in (?:place|lieu)|withdrawal|withdrawing|removal|removing|depletion|wash(?:ing)?[\s-]?out|discontinuation|discontinuing|cessation|stopping|omission|omitting|deprivation|clearance|lose|loses|losing|recover(?:y|s|ed|ing)?\s+from|(?<!\b(?:turn|switch|shut|set)\p{L}*\s)off|na[iï]ve (?:to|for)|unexposed to|untreated with|prior to any|allergic to|intolerant (?:to|of))\s+(?:of\s+)?(?:the\s+|added\s+|all\s+)?$/iu;
/** "With or without IFN-beta" asks what IFN-beta does. */
const WITH_AND_WITHOUT =
  /\b(?:with (?:or|and|and\/or|vs\.?|versus) without|(?:with or )?in the (?:presence (?:or|and|and\/or|vs\.?|versus) absence|absence (?:or|and|and\/or|vs\.?|versus) presence) of|mit (?:oder|und) ohne|avec (?:ou|et) sans|con [oy] sin)\s+(?:the\s+)?$/i;
export const isWithAndWithout = ({ from }: Mention, { text, tokens }: Sentence): boolean =>
  WITH_AND_WITHOUT.test(text.slice(0, tokens[from]?.start));
/** "With or without TNF given IFN-beta." */
const isGivenAnother = (
  { to }: Mention,
  mentions: readonly Mention[],
  { text, tokens }: Sentence,
): boolean =>
  mentions.some(
    ({ meaning, from }) =>
      meaning.kind !== "cell_type" &&
      from >= to &&
      /\b(?:given|receiv\w+|treated|stimulated|exposed|after|upon|following|respond\w*)\b/i.test(
        text.slice(tokens[to - 1]?.end, tokens[from]?.start),
      ),
  );
const LONGEST_TAKING = 40;

function isNegated(
  mention: Mention,
  {
    mentions,
    negated,
  }: { readonly mentions: readonly Mention[]; readonly negated: ReadonlySet<Mention> },
  sentence: Sentence,
  vocabulary: Vocabulary,
): boolean {
  const { tokens, text } = sentence;
  // "Macrophages starved of serum" are there.
  const isDeprived = mention.meaning.kind === "cell_type" && tokens[mention.to + 1]?.key === "of";
  if (vocabulary.withdrawal.has(tokens[mention.to]?.key ?? "") && !isDeprived) return true;
  let index = mention.from - 1;
  if (TAKEN_FROM.test(text.slice(0, tokens[mention.from]?.start).slice(-LONGEST_TAKING)))
    return true;
  if (isWithAndWithout(mention, sentence) && !isGivenAnother(mention, mentions, sentence))
    return false;
  for (; index >= 0; index--) {
    const key = tokens[index]?.key ?? "";
    if (/[.;:?!,。？！；，]/.test(text.slice(tokens[index]?.end, tokens[index + 1]?.start)))
      return false;
    if (vocabulary.negations.has(key)) {
      const next = tokens[index + 1]?.key ?? "";
      return !vocabulary.negation_breakers.has(next);
    }
    if (vocabulary.conjunctions.has(key)) {
      const left = mentions.find(({ to }) => to === index);
      return left !== undefined && negated.has(left);
    }
    if (!vocabulary.negation_fillers.has(key)) return false;
  }
  return false;
}

/**
 * What the cells are given: the mention with the strongest cue before it ("respond to X"), else the
 * first.
 */
export function chooseGiven(
  mentions: readonly GivenMention[],
  { tokens }: Sentence,
  vocabulary: Vocabulary,
): GivenMention | undefined {
  const strength = ({ from }: Mention): number => {
    for (let index = from - 1, steps = 0; index >= 0 && steps < 3; index--, steps++) {
      const key = tokens[index]?.key ?? "";
      if (!vocabulary.cues.has(key)) continue;
      const verbs = tokens
        .slice(Math.max(0, index - 2), index)
        .some((token) => vocabulary.cue_verbs.has(token.key));
      if (verbs)
        return RESPONSE_VERB.has(tokens[index - 1]?.key ?? "") ||
          RESPONSE_VERB.has(tokens[index - 2]?.key ?? "")
          ? 4
          : 3;
      return vocabulary.strong_cues.has(key) ? 2 : 1;
    }
    return 0;
  };
  const chosen = mentions.toSorted((a, b) => strength(b) - strength(a) || a.from - b.from)[0];
  return chosen === undefined ? undefined : (namedMemberOf(chosen, mentions) ?? chosen);
}

/**
 * "Anti-PD-1 (pembrolizumab)": of a class and a member of it that is named too, the member is
 * meant.
 */
function namedMemberOf(
  { meaning }: GivenMention,
  mentions: readonly GivenMention[],
): GivenMention | undefined {
  if (meaning.kind !== "ambiguous") return undefined;
  return mentions.find(
    (other) =>
      other.meaning.kind === "perturbation" &&
      meaning.entries.some(
        (entry) => other.meaning.kind === "perturbation" && other.meaning.entry === entry,
      ),
  );
}

/** "Respond to X" says what is asked even where the cells were "treated with Y" before. */
const RESPONSE_VERB = new Set(
  [
    "respond",
    "responds",
    "responded",
    "responding",
    "response",
    "responses",
    "react",
    "reacts",
    "reaction",
    "reagieren",
    "reagiert",
    "reaktion",
    "antwort",
    "antworten",
  ].map(labelKey),
);

const ORIGIN = new Set(["derived", "abgeleitet", "abgeleitete", "abgeleiteten"]);

/** "Monocyte-derived", "derived from monocytes". */
export const isOrigin = ({ from, to }: CellTypeMention, { tokens }: Sentence): boolean =>
  ORIGIN.has(tokens[to]?.key ?? "") ||
  (tokens[from - 1]?.key === "from" && ORIGIN.has(tokens[from - 2]?.key ?? ""));

export const isMixture = ({ meaning }: CellTypeMention, { mixtures }: Vocabulary): boolean =>
  meaning.entry !== null && mixtures.includes(meaning.entry.id);

/**
 * The cell type asked about: the first that is no mixture ("PBMC") and no origin ("monocyte-derived
 * macrophages"), else the first.
 */
export function chooseAsked(
  mentions: readonly CellTypeMention[],
  sentence: Sentence,
  vocabulary: Vocabulary,
): CellTypeMention | undefined {
  const chosen =
    mentions.find(
      (mention) =>
        !isMixture(mention, vocabulary) &&
        !isOrigin(mention, sentence) &&
        !isBeside(mention, sentence),
    ) ?? mentions[0];
  return (
    mentions.find((each) => chosen !== undefined && isLineOf(each, chosen, sentence, vocabulary)) ??
    chosen
  );
}

/** Between the kind of cells and the name of their line: "T cell line Jurkat", "B cells of the line Raji". */
const OF_LINE = new Set("cell cells line lines of the called named known as".split(" "));

/** Whether the one is the name of the other's line: "lung cancer cells A549", "MCF-7 breast cancer cells". */
export function isLineOf(
  line: CellTypeMention,
  cells: CellTypeMention,
  { text, tokens, taken }: Sentence,
  { stop_words, conjunctions, cues, negations }: Vocabulary,
): boolean {
  if (line === cells || !isLine(line) || isLine(cells)) return false;
  const [left, right] = line.from < cells.from ? [line, cells] : [cells, line];
  const gap = text.slice(tokens[left.to - 1]?.end, tokens[right.from]?.start);
  if (right.from < left.to || !/^[^.,;:?!/+&]*$/.test(gap)) return false;
  const between = tokens.slice(left.to, right.from).map(({ key }) => key);
  const isTissue = (key: string): boolean =>
    WHOLE_TISSUES.has(key) ||
    ![stop_words, conjunctions, cues, negations].some((words) => words.has(key));
  const isDescribed =
    left === line && between.length === 1 && taken[left.to] !== 1 && between.every(isTissue);
  return (
    isDescribed ||
    between.every((key, at) => OF_LINE.has(key) || TUMOUR.test(key) || taken[left.to + at] === 1)
  );
}

/** Organs among the words that name nothing by themselves. */
const WHOLE_TISSUES = new Set(["lung", "liver", "skin", "gut", "blood"]);

const isLine = ({ meaning: { entry }, name }: CellTypeMention): boolean =>
  entry === null || (name !== null && entry.cell_lines.includes(name));
