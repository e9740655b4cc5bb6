import {
  COMPONENT_NAMES_IN_WORDS,
  type GroundingComponentName,
  type GroundingScore,
} from "./grounding.ts";

/** Components that hold a response against what is known of the perturbation itself. */
export const ABOUT_THE_PERTURBATION: ReadonlySet<GroundingComponentName> = new Set([
  "pathway_coherence",
  "target_activation",
  "literature_support",
]);

/**
 * What a judgement says, for the sentence "The predicted response ...". Each ending has its
 * condition: nothing measured, nothing changed, nothing known of the perturbation measured, then the
 * score; a low one is called a disagreement only where more evidence speaks against the response
 * than for it.
 */
export function meaningOf(
  { score, components, evidence }: GroundingScore,
  changesGenes: boolean,
): string {
  const measured = components.filter((component) => component.score !== null);
  if (measured.length === 0)
    return "could not be held against what is known, as no component of the score could be measured";
  if (!changesGenes) return "changes no gene, so it shows nothing of what is known";
  if (!measured.some(({ name }) => ABOUT_THE_PERTURBATION.has(name)))
    return `${coherence(score)}; nothing that is known of this perturbation could be measured`;
  const [only, ...more] = measured;
  const alone =
    more.length === 0
      ? ` by ${COMPONENT_NAMES_IN_WORDS[only!.name]} alone, the one component measured`
      : "";
  if (score >= 3) return `${meaningOfScore(score)}${alone}`;
  const speaking = evidence.filter(({ silent }) => silent !== true);
  const against = speaking.filter(({ supports }) => !supports).length;
  return `${against > speaking.length - against ? "disagrees with what is known" : "shows hardly anything of what is known"}${alone}`;
}

function coherence(score: number): string {
  if (score >= 7) return "is coherent, as its genes are known to work together";
  return score >= 3 ? "is coherent in part" : "is not coherent";
}

/** The same where only the score is known, as in documents of earlier releases. */
export function meaningOfScore(score: number): string {
  if (score >= 9) return "agrees closely with what is known";
  if (score >= 7) return "agrees well with what is known";
  if (score >= 5) return "agrees in part with what is known";
  if (score >= 3) return "agrees little with what is known";
  return "shows hardly anything of what is known, or the contrary";
}

/** False where no component of a recorded score could be measured: the score then says nothing. */
export function isJudged(componentScores: Readonly<Record<string, number | null>>): boolean {
  const scores = Object.values(componentScores);
  return scores.length === 0 || scores.some((score) => score !== null);
}
