import { nameOf } from "./ambiguities.ts";
import type { GivenMention, Mention, Sentence } from "./mention.ts";

/**
 * Names of substances that say what cells are or make, and not what they are given:
 * "dexamethasone-resistant T cells", "IL-17-producing T cells", "CMV-specific T cells".
 */

const MAKING =
  "producing|secreting|releasing|expressing|specific|reactive|negative|seronegative|seropositive|uninfected|unexposed|untreated";
/** What such cells are given is asked of others than the usual ones, and so refused beside them. */
const ANSWERING =
  "resistant|refractory|tolerant|insensitive|sensitive|na[iï]ve|experienced|responsive|unresponsive|intolerant";
const BEHIND = (words: string): RegExp =>
  new RegExp(`^(?<gap>\\s*\\p{Pd}\\s*|\\s+)(?:${words})(?![\\p{L}\\p{N}])`, "iu");
/** "Dexamethasone-responsive genes" are those after dexamethasone. */
const OF_RESPONSE =
  /^[\s\p{Pd}]+(?:\p{L}+\s+)?(?:genes?|effects?|changes?|controls?|regulat\p{L}*|program\p{L}*|pathways?|transcri\p{L}*|respon\p{L}*|signatures?|targets?|expression|differences?|features?|proteins?|modules?|alterations?|phenotypes?|markers?|induction|activation|signal\p{L}*|feedback|loops?|enhancers?|elements?|metabol\p{L}*)(?!\p{L})/iu;
const MAKES = BEHIND(MAKING);
const ANSWERS = BEHIND(ANSWERING);

export function withoutSaidOfCells(mentions: readonly Mention[], sentence: Sentence): Mention[] {
  const { text, tokens, taken } = sentence;
  const isGiven = (each: Mention): each is GivenMention => each.meaning.kind !== "cell_type";
  const given = mentions.filter(isGiven);
  return mentions.filter((mention) => {
    if (!isGiven(mention) || mention.name === null) return true;
    const behind = text.slice(tokens[mention.to - 1]?.end);
    const isOnly = given.every((each) => nameOf(each) === nameOf(mention));
    const found = MAKES.exec(behind) ?? (isOnly ? ANSWERS.exec(behind) : null);
    if (found === null || OF_RESPONSE.test(behind.slice(found[0].length))) return true;
    const isGlued = found.groups?.["gap"]?.trim() !== "";
    if (!isGlued && !isBeforeCells(mention.to + 1)) return true;
    taken.fill(0, mention.from, mention.to);
    return false;
  });

  /** "IL-17 producing human T cells": at most two words stand between. */
  function isBeforeCells(index: number): boolean {
    return mentions.some(
      ({ meaning, from }) =>
        meaning.kind === "cell_type" &&
        from >= index &&
        from - index <= 2 &&
        !/[.,;:?!]/.test(text.slice(tokens[index - 1]?.end, tokens[from]?.start)),
    );
  }
}
