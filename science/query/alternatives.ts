import { isWithAndWithout } from "./choose-mention.ts";
import type { Mention, Sentence } from "./mention.ts";

/** Words that set one thing against another. */

export const COMPARISON =
  /\b(?:compar(?:e|es|ing|ison|er|ar|aison)|diff[eé]rences?|diferencias?|versus|vs|(?<!rather )than|vergleich\w*|unterschied\w*|unterscheid\w*|differ(?:s|ed|ing|ently)?|similarly|alike|equally|as (?:much|strongly|sensitive|responsive|potent|effective|fast|quickly)\b[^.;:?!]*\bas)\b|比较|比較|区别|差异|違い/i;
/** "NK and T cells compared: IL-15"; of cells "compared with" others the first are asked about. */
const COMPARED = /\bcompared\s*(?:$|[:.?!])/i;
/** "Do B cells or T cells respond more strongly to IL-4?" */
const DEGREE =
  /(?:\b(?:more|less)\s*[?.]|\b(?:(?:more|less)\s+(?:\p{L}+ly|sensitive|responsive|to|on|in|by)|stronger|weaker|better|faster|most|best|strongest|stärker|schwächer|empfindlicher|besser|plus (?:fort\p{L}*|sensibles?)|m[áa]s (?:fuerte\p{L}*|sensibles?))\b)/iu;
const OR =
  /^\s*,?\s*(?:or|oder|ou|o|u)\s+(?:(?:las?|los|les?|die|on|in|to|by|the|auf|bei|of)\s+)*$/i;
const WHICH = new Set(["which", "welche", "welcher", "welchen"]);

/** "How do B cells differ when treated with IL-4 and CD40L?" sets treated cells against untreated ones. */
const DIFFER_WHEN =
  /\bdiffer(?:s|ed|ing|ently)?\s+(?:(?:when|if|once)\b|(?:after|upon|following|under)\s)/i;
const AND = /^\s*(?:,?\s*(?:and|plus)|[+/&])\s*(?:the\s+)?$/i;

/** Whether the question says what two that are given at once change. */
export const areGivenAtOnce = (
  mentions: readonly Mention[],
  { text, tokens }: Sentence,
): boolean => {
  const differ = DIFFER_WHEN.exec(text);
  const rest = differ === null ? text : text.replace(differ[0], " ");
  if (differ === null || COMPARISON.test(rest) || /\bbetween\b/i.test(rest)) return false;
  const inOrder = mentions.toSorted((a, b) => a.from - b.from);
  return inOrder.every(
    ({ from }, at) =>
      (tokens[from]?.start ?? 0) > differ.index &&
      (at === 0 ||
        AND.test(text.slice(tokens[(inOrder[at - 1]?.to ?? 0) - 1]?.end, tokens[from]?.start))),
  );
};

/** "Versus vehicle", "compared with untreated cells": what every answer is compared with. */
const AGAINST_CONTROL =
  /\b(?:(?:compar(?:ed?|ing|ison)\s+(?:with|to|against)|versus|vs\.?|relative to|(?:more|less|higher|lower|other|rather)\s+than|than(?:\s+in)?|differ(?:s|ed)?\s+from)\s+(?:(?:the|their|its|a|an|matched|paired|respective|corresponding|that of)\s+)*(?:vehicle|controls?|untreated|un-?stimulated|unexposed|uninfected|mock|sham|dmso|pbs|saline|medium|media|baseline|placebo|non-?targeting|nothing)(?!\p{L})|(?:different|differs?) from control)/giu;

/** "Compare B cells before and after IL-4 and IL-13." */
const BEFORE_AND_AFTER =
  /\b(?:compar(?:e|es|ed|ing|ison)|differ(?:s|ed|ences?)?)\b[^.;:?!]*\b(?:before (?:and|or|vs\.?|versus) after|with (?:and|or|vs\.?|versus) without|un-?treated (?:and|with|or|vs\.?|versus) treated|presence (?:and|or) absence)(?!\p{L})/iu;

/** The text without its comparison with a control, where all that is given stands before that. */
function beyondControl(given: readonly Mention[], { text, tokens }: Sentence): string {
  const paired = BEFORE_AND_AFTER.exec(text);
  if (
    paired !== null &&
    given.every(({ from }) => (tokens[from]?.start ?? 0) >= paired.index + paired[0].length)
  )
    return text.replace(paired[0], " ");
  const [found, ...more] = text.matchAll(AGAINST_CONTROL);
  if (found === undefined || more.length > 0) return text;
  const isLast = given.every(({ to }) => (tokens[to - 1]?.end ?? 0) <= found.index);
  return isLast ? text.replace(found[0], " ") : text;
}

/** Whether the question sets them against one another. */
export const areCompared = (mentions: readonly Mention[], sentence: Sentence): boolean =>
  COMPARISON.test(
    mentions[0]?.meaning.kind === "cell_type" ? sentence.text : beyondControl(mentions, sentence),
  ) ||
  mentions.some((each) => isAfterWhichOf(each, sentence)) ||
  (mentions[0]?.meaning.kind !== "cell_type" && isAddedOrNot(mentions, sentence)) ||
  (mentions[0]?.meaning.kind === "cell_type" && COMPARED.test(sentence.text)) ||
  (DEGREE.test(sentence.text) && areAlternatives(mentions, sentence));

/** "LPS with or without dexamethasone." */
const isAddedOrNot = (given: readonly Mention[], sentence: Sentence): boolean =>
  given.some((each) => isWithAndWithout(each, sentence) && given.some(({ to }) => to <= each.from));

const isAfterWhichOf = ({ from }: Mention, { text, tokens }: Sentence): boolean =>
  /\bwhich\s+of\s+(?:the\s+)?$/i.test(text.slice(0, tokens[from]?.start));

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
