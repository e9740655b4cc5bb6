import {
  COMPONENT_NAMES_IN_WORDS,
  type GroundingComponentName,
  type GroundingScore,
} from "./grounding.ts";
import { AS_MEASURED } from "./measured-scale.ts";

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
export function meaningOf(grounding: GroundingScore, changesGenes: boolean): string {
  const { components, evidence } = grounding;
  const score = grounding.raw_score ?? grounding.score;
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
  const beside = besideMeasured(grounding);
  if (score >= 3) return `${meaningOfScore(score)}${alone}${beside}`;
  const speaking = evidence.filter(({ silent }) => silent !== true);
  const against = speaking.filter(({ supports }) => !supports).length;
  return `${against > speaking.length - against ? "disagrees with what is known" : "shows hardly anything of what is known"}${alone}${beside}`;
}

/** How it stands beside measured responses, where the score is read against them. */
function besideMeasured({ score, scale }: GroundingScore): string {
  if (scale?.known !== true) return "";
  if (score >= AS_MEASURED)
    return ", as measured responses to the perturbation in other cells do, and is as plausible as they are";
  return `, and is ${score >= 5 ? "less" : "far less"} plausible than measured responses to the perturbation in other cells`;
}

/** What the score was read against, or why against nothing; null where that was not tried. */
export function scaleSentence({ score, raw_score, scale }: GroundingScore): string | null {
  if (scale === undefined || raw_score === undefined) return null;
  if (!scale.known) return `It is the raw score. ${scale.reason}`;
  const [low, high] = [Math.min(...scale.measured), Math.max(...scale.measured)];
  return `The raw score is ${raw_score}; measured responses to the perturbation in other cells get ${low.toFixed(1)} to ${high.toFixed(1)}, and read against them it is ${score}.`;
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
