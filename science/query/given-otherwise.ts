import { wordsOf } from "./mention.ts";
import type { GivenMention, Mention, Sentence } from "./mention.ts";

/**
 * What stands beside a name and turns it into something else: "heat-inactivated IFN-beta" is none, and
 * "everything but STAT1" is all the others.
 */

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
const INACTIVE =
  /^(?:(?:in|de|un)activat(?:ed|e)|inactive|boiled|denatured|neutrali[sz]ed|degraded|scrambled|inert|killed|dead|hydroly[sz]ed|oxidi[sz]ed|expired|digested|autoclaved|sonicated|trypsini[sz]ed|(?:un|mis)folded|cleaved|mock|depleted|decomposed|quenched|defective|nonfunctional|destroyed|spoiled|heated)$/;
const MADE_INACTIVE =
  /^(?:boiling|heating|inactivation|denaturation|neutrali[sz]ation|digestion|degradation|autoclaving|hydrolysis)$/;
/** Say other things of a name, behind it: "IFN-beta dead cells". */
const ONLY_IN_FRONT = wordSet("dead killed mock depleted");
const IN_FRONT = wordSet(
  "a an the of recombinant human murine mouse native purified form forms version analogue analog isomer metabolite enantiomer heat treated guide sgrna rh",
);
const BEHIND = wordSet(
  "that which was were is are has have had been being heat uv biologically fully by",
);
const REACH = 4;

/** The words that say that what is given does not act; null where nothing does. */
export function saidInactive(mention: GivenMention, sentence: Sentence): string | null {
  const { text, tokens } = sentence;
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  const key = (index: number): string => tokens[index]?.key ?? "";
  for (let index = mention.from - 1; index >= 0 && index >= mention.from - REACH; index--) {
    if (/[.,;:?!()]/.test(gap(index))) break;
    if (INACTIVE.test(key(index)) && key(index - 1) !== "non" && key(index - 1) !== "not")
      return wordsOf({ ...mention, from: index }, sentence);
    if (!IN_FRONT.has(key(index))) break;
  }
  let after = mention.to;
  while (after < mention.to + REACH && BEHIND.has(key(after))) after++;
  const isBroken = /[.;:?!]/.test(text.slice(tokens[mention.to - 1]?.end, tokens[after]?.start));
  if (isBroken) return null;
  const isAfterwards = key(after) === "after" && MADE_INACTIVE.test(key(after + 1));
  if (isAfterwards) return wordsOf({ ...mention, to: after + 2 }, sentence);
  return INACTIVE.test(key(after)) && !ONLY_IN_FRONT.has(key(after))
    ? wordsOf({ ...mention, to: after + 1 }, sentence)
    : null;
}

const SAVE =
  "(?:but(?: not)?|except(?:ing)?(?: for)?|other than|apart from|aside from|besides|save(?: for)?|excluding)";
const EXCEPTED = new RegExp(
  String.raw`\b(?:(?:everything|anything|everyone|all|any|each|every)\s+(?:(?!nothing\b|respon|react|to\b|do\b|does\b|treat|with\b)[\w-]+\s+){0,3}|(?:genes?|cytokines?|drugs?|compounds?|substances?|inhibitors?|cells?|cell types?|perturbations?)\s+)${SAVE}\s+(?:for\s+)?(?:the\s+)?$`,
  "i",
);
/** "Knockout of everything but" within the words of the mention itself. */
const LONGEST = 90;

/** The words of "everything but X"; null where X itself is asked about. */
export function saidExcepted(mention: Mention, { text, tokens }: Sentence): string | null {
  const { start = 0 } = tokens[mention.from] ?? {};
  const front = text.slice(Math.max(0, start - LONGEST), start);
  const found = EXCEPTED.exec(front);
  if (found === null) return null;
  return `${found[0]}${text.slice(start, tokens[mention.to - 1]?.end)}`;
}
