import type { Mention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Say how something is given, and not what. */
const OF_GIVING = new Set(
  "therapy challenge challenged infection infected pretreatment pretreated administration supplementation supplemented pulse wash alone overnight stimulus signal signaling signalling for".split(
    " ",
  ),
);

/**
 * Without the names that the vocabularies alone have and that go on in words that were not read:
 * "house dust mite extract" is not house dust.
 */
export function withoutCutShort(
  mentions: readonly Mention[],
  sentence: Sentence,
  vocabulary: Vocabulary,
): Mention[] {
  return mentions.filter((mention) => {
    if (!isNamedOnly(mention) || !goesOn(mention, sentence, vocabulary)) return true;
    sentence.taken.fill(0, mention.from, mention.to);
    return false;
  });
}

const isNamedOnly = ({ meaning }: Mention): boolean =>
  meaning.kind === "perturbation" &&
  meaning.entry?.kind === "drug" &&
  meaning.entry.response.length === 0;

function goesOn(
  { to }: Mention,
  { text, tokens, taken }: Sentence,
  vocabulary: Vocabulary,
): boolean {
  const next = tokens[to];
  if (next === undefined || taken[to] === 1) return false;
  const gap = text.slice(tokens[to - 1]?.end, next.start);
  const { stop_words, cues, negations, conjunctions, blockade, withdrawal, agonism } = vocabulary;
  const isKnownWord =
    OF_GIVING.has(next.key) ||
    [stop_words, cues, negations, conjunctions, blockade, withdrawal, agonism].some((words) =>
      words.has(next.key),
    );
  return /^[ -]$/.test(gap) && /^\p{L}{3,}$/u.test(next.key) && !isKnownWord;
}
