import { isBareGene } from "./ask-back.ts";
import { wordsOf } from "./mention.ts";
import type { GivenMention, Sentence } from "./mention.ts";

/**
 * Class words that describe the substance named beside them: "IL-13 blockade with lebrikizumab" gives
 * lebrikizumab alone, also where it is not known what that acts on.
 */

const APPOSED = /^\s*\(?\s*$/;
const MEANS =
  /^\s*(?:(?:by|using|through|via|durch|mittels)\s+)(?:(?:the|an?|(?:monoclonal )?antibody|drug|compound|inhibitor)\s+)*$/i;
/** "Blockade with X" names what blocks where X is called like an antibody. */
const WITH = /^\s*(?:with|mit|avec|con)\s+(?:(?:the|an?|(?:monoclonal )?antibody|inhibitor)\s+)*$/i;
const CALLED_SO = /(?:mab|cept|kinra)(?![a-z])/i;
/** Two of these are often blocked at once. */
const CHECKPOINT = /\b(?:PD|CTLA|LAG|TIM|TIGIT|checkpoint|CD\d|HER2|EGFR|VEGF)/i;

/** Without the classes that only describe what stands beside them. */
export function withoutDescribing(
  given: readonly GivenMention[],
  sentence: Sentence,
): readonly GivenMention[] {
  const { text, tokens } = sentence;
  const describes = (whole: GivenMention, named: GivenMention): boolean => {
    if (whole.meaning.kind !== "ambiguous" || named.meaning.kind !== "perturbation") return false;
    const { entry } = named.meaning;
    const isNamedOnly = entry?.kind === "drug" && entry.targets.length === 0;
    if (!isNamedOnly || isBareGene(named) || named.from < whole.to) return false;
    const gap = text.slice(tokens[whole.to - 1]?.end, tokens[named.from]?.start);
    const isCalledSo = CALLED_SO.test(entry.name) && !CHECKPOINT.test(wordsOf(whole, sentence));
    return APPOSED.test(gap) || MEANS.test(gap) || (isCalledSo && WITH.test(gap));
  };
  return given.filter((whole) => !given.some((named) => describes(whole, named)));
}
