import { knowledgeTerms } from "../knowledge/resolve.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import type { Mention, Sentence } from "./mention.ts";

/**
 * Questions for what one thing does to the response to another: "Does baricitinib reduce the IFN-beta
 * response?", "Does USP18 limit the response of B cells to IFN-beta?" Cells that were given one of them
 * answer none.
 */

const MODIFY =
  "(?:abolish|abrogat|affect|alter|amplif|antagoni[sz]|attenuat|augment|blunt|block|boost|chang|control|counter|counteract|curb|dampen|decreas|diminish|enhanc|impair|increas|influenc|inhibit|interfer|limit|lower|mediat|modif|modulat|neutrali[sz]|potentiat|prevent|reduc|regulat|restrain|restrict|revers|shap|strengthen|suppress|weaken)(?:e|es|s|ies|y|ed|ing)?(?: with)?";
const ANSWER =
  "(?:responses?|effects?|reactions?|actions?|induction|sensitivity|responsiveness|signal(?:l?ing)?)";
const BEHIND = new RegExp(
  `^(?:\\s+(?:pre-?)?(?:treatment|loss|exposure))?(?:\\s+\\p{L}+ly)?\\s+${MODIFY}\\s+(?:(?:what|how|whether|the way)\\s|(?:[^.;:?!,]{0,40}?\\s)?(?:\\S{2,20}-)?${ANSWER}\\b(?!\\s+in\\s+(?:response|reaction)\\s))`,
  "iu",
);
const IN_FRONT = new RegExp(`\\b${MODIFY}\\s+(?:(?:the|an?|its|their|any)\\s+)?$`, "iu");
/** "The IFN-beta response", "prevent IFN-beta from changing them". */
const ITS_ANSWER = new RegExp(
  `^(?:[\\s-]*(?:induced\\s+|mediated\\s+)?${ANSWER}\\b|\\s+from\\s+\\p{L}+ing\\b)`,
  "iu",
);
/** "Can the IFN-beta response be blocked by ruxolitinib?" */
const PASSIVE = new RegExp(
  `\\b(?:is|are|was|were|be|been|being)\\s+(?:\\p{L}+ly\\s+)?${MODIFY}\\s+(?:by|with|using|through)\\b`,
  "iu",
);
const LONGEST = 90;

const around = ({ from, to }: Pick<Mention, "from" | "to">, { text, tokens }: Sentence) => {
  const [start, end] = [tokens[from]?.start ?? 0, tokens[to - 1]?.end ?? 0];
  return {
    front: text.slice(Math.max(0, start - LONGEST), start),
    behind: text.slice(end, end + LONGEST),
  };
};

/** Whether it is said to do something to a response. */
export const isModifier = (place: Pick<Mention, "from" | "to">, sentence: Sentence): boolean =>
  BEHIND.test(around(place, sentence).behind);

/** Whether it is what the response is to that something is done to: "reduce the IFN-beta response". */
export function isModifiedStimulus(
  place: Pick<Mention, "from" | "to">,
  sentence: Sentence,
): boolean {
  const { front, behind } = around(place, sentence);
  return ITS_ANSWER.test(behind) && (IN_FRONT.test(front) || PASSIVE.test(behind));
}

const AUXILIARY = /^\s*(?:do|does|did|can|could|will|would|may|might|should)\s+(?:the\s+)?$/i;

/** A gene by its symbol alone that a question says to do something to a response; null without one. */
export function modifyingGene(
  named: readonly Mention[],
  sentence: Sentence,
  knowledge: Knowledge,
): string | null {
  const { text, tokens } = sentence;
  const { geneSymbols, perturbations } = knowledgeTerms(knowledge);
  for (const [from, { start, end }] of tokens.entries()) {
    if (!AUXILIARY.test(text.slice(0, start))) continue;
    for (let length = 3; length > 0; length--) {
      const name = tokens.slice(from, from + length);
      const to = from + length;
      const entry = perturbations.find(name)?.meaning;
      const isGene =
        geneSymbols.at(name, text) !== undefined &&
        (entry === undefined || entry.kind === "genetic");
      const isNamed = named.some((each) => each.from < to && from < each.to);
      if (isGene && !isNamed && isModifier({ from, to }, sentence))
        return text.slice(start, name.at(-1)?.end ?? end);
    }
  }
  return null;
}
