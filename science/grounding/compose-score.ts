import type { ControlStrategy } from "../query/structured-query.ts";
import { componentScore } from "./component.ts";
import type { Finding } from "./component.ts";
import { GROUNDING_WEIGHTS } from "./grounding.ts";
import type {
  EvidenceRow,
  GroundingComponent,
  GroundingComponentName,
  GroundingScore,
} from "./grounding.ts";
import { weakSupport } from "./prompt-support.ts";
import type { PromptSupport } from "./prompt-support.ts";
import { hasDifferentialExpression } from "./response.ts";
import type { Response } from "./response.ts";

type Doubt = Pick<EvidenceRow, "statement" | "source">;

const QUERY_AS_CONTROL: Doubt = {
  statement:
    "Compared with the query cells themselves, not with a control prediction: whatever the model changes in any cell counts as response, so confidence is lower.",
  source: "control strategy query_as_control",
};
const NO_EXPECTATION: Doubt = {
  statement:
    "No gene or pathway expected of this perturbation could be measured: the score only says that the response is coherent, so confidence is lower.",
  source: "curated knowledge",
};
const ABOUT_THE_PERTURBATION = new Set<GroundingComponentName>([
  "pathway_coherence",
  "target_activation",
  "literature_support",
]);
const NO_RESPONSE = "No gene is differentially expressed: the prediction equals its reference.";

interface Circumstances {
  readonly controlStrategy: ControlStrategy;
  readonly support: PromptSupport;
}

/**
 * The composite: the weighted mean of the measured components, weights renormalised, rounded and
 * clamped to 1..10. Without any differentially expressed gene every measured component is 1.
 * Nothing measured gives 1, and says so.
 */
export function composeScore(
  findings: readonly Finding[],
  response: Response,
  { controlStrategy, support }: Circumstances,
): GroundingScore {
  const responds = hasDifferentialExpression(response);
  const totalWeight = findings.reduce(
    (sum, { name, strength }) => sum + (strength === null ? 0 : GROUNDING_WEIGHTS[name]),
    0,
  );
  const components = findings.map(({ name, strength, reason }): GroundingComponent => {
    if (strength === null) return { name, score: null, weight: 0, reason };
    const weight = GROUNDING_WEIGHTS[name] / totalWeight;
    return responds
      ? { name, score: componentScore(strength), weight, reason }
      : { name, score: 1, weight, reason: NO_RESPONSE };
  });
  const mean = components.reduce((sum, { score, weight }) => sum + (score ?? 0) * weight, 0);
  const weak = weakSupport(support);
  const doubts = [
    ...(controlStrategy === "query_as_control" ? [QUERY_AS_CONTROL] : []),
    ...(weak === null ? [] : [{ statement: weak, source: "attenuation by noise (Spearman 1904)" }]),
    ...(totalWeight > 0 &&
    components.every(({ name, score }) => score === null || !ABOUT_THE_PERTURBATION.has(name))
      ? [NO_EXPECTATION]
      : []),
  ];
  return {
    score: Math.min(10, Math.max(1, Math.round(mean))),
    components,
    evidence: [...findings.flatMap(({ evidence }) => evidence), ...doubtRows(doubts, components)],
    feedback: [
      ...(totalWeight === 0
        ? ["No component could be measured, so the score of 1 says nothing about the prediction."]
        : []),
      ...(responds ? [] : [NO_RESPONSE]),
      ...findings.flatMap(({ feedback }) => feedback),
    ],
    confidence: doubts.length > 0 || totalWeight === 0 ? "lower" : "normal",
  };
}

/** Doubts stand in the evidence under the first measured component. */
function doubtRows(
  doubts: readonly Doubt[],
  components: readonly GroundingComponent[],
): EvidenceRow[] {
  const component = components.find(({ score }) => score !== null)?.name;
  if (component === undefined) return [];
  return doubts.map((doubt, i) => ({ id: `C${i + 1}`, component, supports: false, ...doubt }));
}
