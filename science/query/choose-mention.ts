import { labelKey } from "../knowledge/tokens.ts";
import type { CellTypeMention, GivenMention, Mention, Sentence } from "./mention.ts";
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

function isNegated(
  mention: Mention,
  {
    mentions,
    negated,
  }: { readonly mentions: readonly Mention[]; readonly negated: ReadonlySet<Mention> },
  { tokens, text }: Sentence,
  vocabulary: Vocabulary,
): boolean {
  if (vocabulary.withdrawal.has(tokens[mention.to]?.key ?? "")) return true;
  let index = mention.from - 1;
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

/**
 * The cell type asked about: the first that is no mixture ("PBMC") and no origin ("monocyte-derived
 * macrophages"), else the first.
 */
export function chooseAsked(
  mentions: readonly CellTypeMention[],
  { tokens }: Sentence,
  vocabulary: Vocabulary,
): CellTypeMention | undefined {
  const isOrigin = ({ from, to }: CellTypeMention): boolean =>
    ORIGIN.has(tokens[to]?.key ?? "") ||
    (tokens[from - 1]?.key === "from" && ORIGIN.has(tokens[from - 2]?.key ?? ""));
  const isMixture = ({ meaning }: CellTypeMention): boolean =>
    meaning.entry !== null && vocabulary.mixtures.includes(meaning.entry.id);
  return mentions.find((mention) => !isMixture(mention) && !isOrigin(mention)) ?? mentions[0];
}
