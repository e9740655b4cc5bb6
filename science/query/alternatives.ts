import type { Mention, Sentence } from "./mention.ts";

/** Words that set one thing against another. */

export const COMPARISON =
  /\b(?:compar(?:e|es|ing|ison|er|ar|aison)|diff[eé]rences?|diferencias?|versus|vs|(?<!rather )than|vergleich\w*|unterschied\w*|unterscheid\w*|differ(?:s|ed|ing|ently)?|similarly|alike|equally|as (?:much|strongly|sensitive|responsive|potent|effective|fast|quickly)\b[^.;:?!]*\bas)\b|比较|比較|区别|差异|違い/i;
/** "Do B cells or T cells respond more strongly to IL-4?" */
const DEGREE =
  /(?:\b(?:more|less)\s*[?.]|\b(?:(?:more|less)\s+(?:\p{L}+ly|sensitive|responsive|to|on|in|by)|stronger|weaker|better|faster|most|best|strongest|stärker|schwächer|empfindlicher|besser|plus (?:fort\p{L}*|sensibles?)|m[áa]s (?:fuerte\p{L}*|sensibles?))\b)/iu;
const OR =
  /^\s*,?\s*(?:or|oder|ou|o|u)\s+(?:(?:las?|los|les?|die|on|in|to|by|the|auf|bei|of)\s+)*$/i;
const WHICH = new Set(["which", "welche", "welcher", "welchen"]);

/** Whether the question sets them against one another. */
export const areCompared = (mentions: readonly Mention[], sentence: Sentence): boolean =>
  COMPARISON.test(sentence.text) ||
  (DEGREE.test(sentence.text) && areAlternatives(mentions, sentence));

const areAlternatives = (mentions: readonly Mention[], { text, tokens }: Sentence): boolean =>
  mentions.some((left) =>
    mentions.some(
      (right) =>
        right.from >= left.to &&
        OR.test(text.slice(tokens[left.to - 1]?.end, tokens[right.from]?.start)),
    ),
  );

/** Behind the members that are asked for, and not a noun: "which monocyte genes". */
const END_OR_VERB =
  /^\s*(?:$|[.,;:?!]|(?:respon\p{L}*|react\p{L}*|reagi\p{L}*|are|is|were|was|do|does|did|chang(?:e|es|ed)|show|shows|would|will|can|could|should|have|has)(?!\p{L}))/iu;

/** "Which monocytes respond?", but not "IFN-beta, which monocytes make". */
export const isAfterWhich = ({ from, to }: Mention, { text, tokens }: Sentence): boolean =>
  END_OR_VERB.test(text.slice(tokens[to - 1]?.end)) &&
  WHICH.has(tokens[from - 1]?.key ?? "") &&
  !/,\s*$/.test(text.slice(0, tokens[from - 1]?.start));
