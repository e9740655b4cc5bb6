import type { PlausibilityScale } from "../accuracy/accuracy-schema.ts";
import { studentT95 } from "../accuracy/prediction-interval.ts";
import { quantile } from "../statistics/quantile.ts";
import { compositeOf, clampScore } from "./component.ts";
import type { GroundingComponent, GroundingScore } from "./grounding.ts";

/**
 * The grounding score read against measured responses. Its components tell how much of the knowledge
 * of a perturbation a response shows; how much there is to show differs between atlases, and
 * measured responses say how much. The rules are in docs/grounding-score.md.
 */

/** From this score on a response is as plausible as a measured one may be. */
export const AS_MEASURED = 9;
/** Fewer measured responses do not tell how they scatter. */
const LEAST_MEASURED = 3;
const UNLIKELY = 0.95;

/**
 * The scale that raw scores of measured responses, and of nonsense, make. A further measured response
 * is at least mean - t s sqrt(1 + 1 / n) in 19 of 20 cases.
 */
export function scaleOf(
  measured: readonly number[],
  nonsense: readonly number[],
): PlausibilityScale {
  const n = measured.length;
  if (n < LEAST_MEASURED)
    return {
      known: false,
      reason: `The atlas holds ${n === 0 ? "no" : n} measured ${n === 1 ? "response" : "responses"} to the perturbation in other cells that ${n === 1 ? "is" : "are"} of cells enough; it takes ${LEAST_MEASURED} to read the score against.`,
    };
  const usual = measured.reduce((sum, score) => sum + score, 0) / n;
  const variance = measured.reduce((sum, score) => sum + (score - usual) ** 2, 0) / (n - 1);
  const bound = usual - studentT95(n - 1) * Math.sqrt(variance * (1 + 1 / n));
  const ceiling = quantile(nonsense, UNLIKELY);
  if (usual <= ceiling)
    return {
      known: false,
      reason:
        "Measured responses to the perturbation in other cells score no higher than nonsense, so the score is not read against them.",
    };
  return {
    known: true,
    measured: measured.map((score) => Math.round(score * 10) / 10),
    nonsense: quantile(nonsense, 0.5),
    least: Math.max(bound, ceiling),
    usual,
    apart: bound > ceiling,
  };
}

/**
 * 1 for nonsense, 9 for the least and 10 for the usual measured response. Between the latter two it
 * is linear; from nonsense it rises with the square of the distance, so that what is hardly more than
 * nonsense scores hardly more, however near the least measured response is.
 */
export function readAgainst(
  raw: number,
  { nonsense, least, usual }: Extract<PlausibilityScale, { known: true }>,
): number {
  const share = (from: number, to: number) =>
    to > from ? Math.min(1, Math.max(0, (raw - from) / (to - from))) : Number(raw >= to);
  return raw < least
    ? 1 + (AS_MEASURED - 1) * share(nonsense, least) ** 2
    : AS_MEASURED + (10 - AS_MEASURED) * share(least, usual);
}

/**
 * The score on this scale, with the raw one beside it. Literature support, of which measured
 * responses have none, keeps its own weight.
 */
export function calibrateScore(
  grounding: GroundingScore,
  scale: PlausibilityScale,
): GroundingScore {
  const read = { ...grounding, raw_score: grounding.score, scale };
  const own = grounding.components.filter(isComparable);
  const weight = own.reduce((sum, component) => sum + component.weight, 0);
  if (!scale.known || weight === 0) return read;
  const others = grounding.components.filter((component) => !isComparable(component));
  const score = clampScore(
    weight * readAgainst(compositeOf(own) / weight, scale) + compositeOf(others),
  );
  return scale.apart
    ? { ...read, score }
    : {
        ...read,
        score,
        confidence: "lower",
        evidence: [...grounding.evidence, ...overlap(grounding, scale.measured)],
      };
}

const isComparable = ({ name, score }: GroundingComponent): boolean =>
  score !== null && name !== "literature_support";

function overlap(
  { components, evidence }: GroundingScore,
  measured: readonly number[],
): GroundingScore["evidence"] {
  const component = components.find(({ score }) => score !== null);
  if (component === undefined) return [];
  const doubts = evidence.filter(({ id }) => /^C\d+$/.test(id)).length;
  return [
    {
      id: `C${doubts + 1}`,
      component: component.name,
      supports: false,
      silent: true,
      statement: `Measured responses to this perturbation get raw scores from ${Math.min(...measured).toFixed(1)} to ${Math.max(...measured).toFixed(1)}, and some hardly more than nonsense: the score tells whether a response is like them and little of how much, so confidence is lower.`,
      source: "measured responses of the atlas",
    },
  ];
}
