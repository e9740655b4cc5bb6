import type { ControlStrategy } from "../query/structured-query.ts";
import { clampScore, componentScore, compositeOf } from "./component.ts";
import type { Finding } from "./component.ts";
import { COMPONENT_NAMES_IN_WORDS, GROUNDING_WEIGHTS } from "./grounding.ts";
import type { EvidenceRow, GroundingComponent, GroundingScore } from "./grounding.ts";
import { ABOUT_THE_PERTURBATION } from "./meaning.ts";
import { weakSupport } from "./prompt-support.ts";
import type { PromptSupport } from "./prompt-support.ts";
import { hasDifferentialExpression } from "./response.ts";
import type { Response } from "./response.ts";

type Doubt = Pick<EvidenceRow, "statement" | "source">;

const QUERY_AS_CONTROL: Doubt = {
  statement:
    "Compared with the query cells themselves, not with a control prediction: whatever the model changes in any cell, and what sets the prompt's donors and cell types apart from the query cells, counts as response, so confidence is lower.",
  source: "control strategy query_as_control",
};
const NO_EXPECTATION: Doubt = {
  statement:
    "No gene or pathway expected of this perturbation could be measured: the score only says that the response is coherent, so confidence is lower.",
  source: "curated knowledge",
};
const standsIn = ({ name, asked }: NonNullable<Circumstances["standIn"]>): Doubt => ({
  statement: `The response is that to ${name}, which stands in for ${asked}: how alike the two are was not measured, so confidence is lower.`,
  source: "choice of the prompt cells",
});
/** Below this share of the expected genes the measured ones say little of the expectation. */
const LEAST_MEASURED_SHARE = 0.25;

interface Circumstances {
  readonly controlStrategy: ControlStrategy;
  /** What was shown in place of what is asked, by name. */
  readonly standIn?: { readonly name: string; readonly asked: string } | null;
  readonly support: PromptSupport;
  readonly coverage: TargetCoverage;
  /** Genes with an adjusted p below 0.05, whether or not they count as changed. */
  readonly significant: number;
}

/** Of the genes expected to respond those that were measured. */
export interface TargetCoverage {
  readonly measured: number;
  readonly expected: number;
}

/** Why a response without a changed gene has none. */
function noResponse(response: Response, significant: number): string {
  if (response.delta.every((value) => value === 0))
    return "No gene changes: the prediction equals its reference.";
  if (significant === 0)
    return "No gene changes: no difference from the reference is beyond chance.";
  return `No gene counts as changed: ${significant === 1 ? "1 gene has" : `${significant} genes have`} an adjusted p below 0.05, but none changes far or reliably enough.`;
}

/** What lowers the confidence although a component was measured. */
function thinEvidence(
  components: readonly GroundingComponent[],
  { measured, expected }: TargetCoverage,
): Doubt[] {
  const known = components.filter(({ score }) => score !== null);
  if (known.length === 0) return [];
  if (known.every(({ name }) => !ABOUT_THE_PERTURBATION.has(name))) return [NO_EXPECTATION];
  return [
    ...(known.length === 1
      ? [
          {
            statement: `Only one of ${components.length} components could be measured, ${COMPONENT_NAMES_IN_WORDS[known[0]!.name]}, so confidence is lower.`,
            source: "components of the score",
          },
        ]
      : []),
    ...(measured < LEAST_MEASURED_SHARE * expected
      ? [
          {
            statement: `Of ${expected} genes expected to respond ${measured === 1 ? "1 is" : `${measured} are`} measured, so confidence is lower.`,
            source: "curated knowledge",
          },
        ]
      : []),
  ];
}

/**
 * The composite: the weighted mean of the measured components, weights renormalised, rounded and
 * clamped to 1..10. Without any differentially expressed gene every measured component is 1.
 * Nothing measured gives 1, and says so.
 */
export function composeScore(
  findings: readonly Finding[],
  response: Response,
  { controlStrategy, standIn = null, support, coverage, significant }: Circumstances,
): GroundingScore {
  const responds = hasDifferentialExpression(response);
  const still = noResponse(response, significant);
  const totalWeight = findings.reduce(
    (sum, { name, strength }) => sum + (strength === null ? 0 : GROUNDING_WEIGHTS[name]),
    0,
  );
  const components = findings.map(({ name, strength, reason }): GroundingComponent => {
    if (strength === null) return { name, score: null, weight: 0, reason };
    const weight = GROUNDING_WEIGHTS[name] / totalWeight;
    return responds
      ? { name, score: componentScore(strength), weight, reason }
      : { name, score: 1, weight, reason: still };
  });
  const weak = weakSupport(support);
  const doubts = [
    ...(controlStrategy === "query_as_control" ? [QUERY_AS_CONTROL] : []),
    ...(standIn === null ? [] : [standsIn(standIn)]),
    ...(weak === null ? [] : [{ statement: weak, source: "attenuation by noise (Spearman 1904)" }]),
    ...thinEvidence(components, coverage),
  ];
  return {
    score: clampScore(compositeOf(components)),
    components,
    evidence: [...findings.flatMap(({ evidence }) => evidence), ...doubtRows(doubts, components)],
    feedback: [
      ...(totalWeight === 0
        ? ["No component could be measured, so the score of 1 says nothing about the prediction."]
        : []),
      ...(responds ? [] : [still]),
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
  return doubts.map((doubt, i) => ({
    id: `C${i + 1}`,
    component,
    supports: false,
    silent: true,
    ...doubt,
  }));
}
