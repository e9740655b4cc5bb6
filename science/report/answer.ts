import type { DifferentialExpression } from "../grounding/grounding.ts";
import { simulatedText } from "./rests-on.ts";
import { baselineText, standInText } from "./what-predicted.ts";
import { meaningOf, scaleSentence } from "../grounding/meaning.ts";
import { readingSentence } from "./reading.ts";
import { standInOf } from "../prompting/prompt-plan.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration, isSimulated } from "./result.ts";
import { chartGeneName, groupDigits, list, plural, TERMINATION_SENTENCES } from "./wording.ts";
import { pValue } from "../statistics/p-value.ts";

export interface Answer {
  /** That the answer lies measured in the atlas, where it does; null otherwise. */
  readonly reading: string | null;
  /** Three: the predicted change, how far to trust it, and what it is measured against. */
  readonly sentences: readonly string[];
  /** What stands behind them: the scale of the score, why the run ended, what the numbers are and are not. */
  readonly notes: readonly string[];
  /** What must be known before the answer is used, most weighty first. */
  readonly warnings: readonly { readonly title: string; readonly text: string }[];
}

const SIGNIFICANT = 0.05;

/** What is compared with what, and what that leaves in the answer. */
const CONTROL_SENTENCES = {
  synthetic_control:
    "The change is the difference from a second prediction that was prompted with matched control cells (synthetic control), so what the model does to any cells is taken out of it.",
  query_as_control:
    "The change is the difference from the query cells themselves (query as control), so part of it may come from the model and not from the perturbation.",
} as const;

/** The answer to the question in words: the predicted change, its score and how far to trust it. */
export function answerInWords(result: RunResult, de: DifferentialExpression): Answer {
  const { structured_query: query, control_strategy_effective: control } = result;
  const { plan } = deliveredIteration(result);
  return {
    reading: readingSentence(query, plan.chosen.reads),
    sentences: [changeSentence(result, de), trustSentence(result, de), CONTROL_SENTENCES[control]],
    notes: notesOf(result),
    warnings: warningsOf(result),
  };
}

function changeSentence(result: RunResult, de: DifferentialExpression): string {
  const { structured_query: query } = result;
  const { top_genes: genes, enriched, plan } = deliveredIteration(result);
  const standIn = standInOf(plan.chosen);
  const by = standIn === undefined ? "" : ` (by cells under ${standIn}, which stands in for it)`;
  const changed = de.genes
    .keys()
    .filter((i) => de.is_de[i] === 1)
    .toArray();
  const up = changed.filter((i) => (de.log2_fold_change[i] ?? 0) > 0).length;
  const most = (["up", "down"] as const).flatMap((direction) => {
    const names = genes
      .filter((gene) => gene.direction === direction)
      .slice(0, 4)
      .map(({ gene }) => chartGeneName(gene));
    return names.length === 0 ? [] : [`${list(names)} ${direction}`];
  });
  const pathway = enriched.find(({ p_adjusted }) => p_adjusted < SIGNIFICANT);
  return [
    `Predicted response of ${query.cell_type.name} to ${query.perturbation.name}${by}: ${groupDigits(changed.length)} of ${plural(de.genes.length, "gene")} change expression, ${up} up and ${changed.length - up} down${most.length === 0 ? "" : ` (most of all ${most.join("; ")})`}`,
    pathway === undefined
      ? "no pathway is enriched among them."
      : `the most enriched pathway is ${pathway.name} (${pathway.direction}, ${pathway.overlap} of ${plural(pathway.pathway_size, "gene")}, adjusted p ${pValue(pathway.p_adjusted)}).`,
  ].join("; ");
}

function trustSentence(result: RunResult, de: DifferentialExpression): string {
  const { grounding } = deliveredIteration(result);
  const { expected_accuracy: expected, final_score, config } = result;
  const isJudged = grounding.components.some(({ score }) => score !== null);
  const plausibility = `It ${meaningOf(grounding, de.is_de.includes(1))} ${
    isJudged
      ? `(plausibility, the grounding score: ${final_score} of 10, where the run asked for ${config.score_threshold})`
      : `(the grounding score of ${final_score} says nothing)`
  }`;
  if (expected === null || expected === undefined)
    return `${plausibility}; how accurate it is was not estimated.`;
  return expected.known
    ? `${plausibility}, and its expected accuracy, the correlation with a measured change over all genes, is ${expected.pearson.toFixed(2)} (90% interval ${expected.low.toFixed(2)} to ${expected.high.toFixed(2)}).`
    : `${plausibility}, and its expected accuracy is unknown.`;
}

function notesOf(result: RunResult): string[] {
  const { grounding } = deliveredIteration(result);
  const isJudged = grounding.components.some(({ score }) => score !== null);
  const scale = isJudged ? scaleSentence(grounding) : null;
  return [
    ...(isJudged ? [`Confidence in the score is ${grounding.confidence}.`] : []),
    ...(scale === null ? [] : [scale]),
    `${TERMINATION_SENTENCES[result.termination_reason]} Delivered: iteration ${result.delivered_iteration} of ${result.iterations.length}.`,
    ...numbersInWords(result),
  ];
}

function numbersInWords({ expected_accuracy: expected }: RunResult): string[] {
  return [
    "The grounding score says how well the predicted response agrees with known biology, from 1 (not at all, or the contrary) to 10.",
    ...(expected === null || expected === undefined
      ? []
      : [
          expected.known
            ? `Expected accuracy is what the atlas lets expect: ${plural(expected.responses, expected.left_out === "donors" ? "measured response" : "measured cell type")} ${expected.left_out === "donors" ? "of donors " : ""}were left out in turn and predicted in the same way, and 9 of 10 further ones should lie in the interval.`
            : `Expected accuracy, the correlation of the predicted change with a measured one over all genes, is unknown. ${expected.reason}`,
        ]),
    "A response can agree with what is known and still be predicted badly, so the score says nothing of accuracy; only a measurement does.",
  ];
}

/** That a perturbation is known by name only, so that nothing says what to expect of it. */
function withoutPriorKnowledge({
  perturbation,
  expected_targets,
  expected_pathways,
}: RunResult["structured_query"]): string | null {
  const isNamed = perturbation.id !== null && perturbation.kind !== "unknown";
  if (!isNamed || expected_targets.length + expected_pathways.length > 0) return null;
  return `${perturbation.name} is a known ${perturbation.kind}, and no response to it is recorded: the prediction was not held against prior knowledge of it.`;
}

function warningsOf(result: RunResult): Answer["warnings"] {
  const warnings: { title: string; text: string }[] = [];
  const simulated = result.atlas.filter((atlas) => atlas.simulated).map(({ dataset }) => dataset);
  if (isSimulated(result)) {
    warnings.push({
      title: "Simulated data",
      text: simulatedText(simulated),
    });
  }
  if (result.model.is_baseline) {
    warnings.push({
      title: "Baseline model",
      text: baselineText(result.model.name),
    });
  }
  const standIn = standInOf(deliveredIteration(result).plan.chosen);
  if (standIn !== undefined)
    warnings.push({ title: "Stand-in", text: standInText(standIn, result.structured_query) });
  const unforeseen = withoutPriorKnowledge(result.structured_query);
  if (unforeseen !== null) warnings.push({ title: "No prior knowledge", text: unforeseen });
  const { components, confidence, evidence } = deliveredIteration(result).grounding;
  if (result.control_strategy_effective === "query_as_control") {
    const reason = result.structured_query.control_strategy_fallback?.reason;
    warnings.push({
      title: "Lower confidence",
      text: `${reason === undefined ? "" : `${reason} `}The prediction was compared with the query cells themselves, so part of the change may come from the model and not from the perturbation.`,
    });
  } else if (confidence === "lower") {
    warnings.push({
      title: "Lower confidence",
      text:
        evidence
          .filter(({ id }) => /^C\d+$/.test(id))
          .map(({ statement }) => statement)
          .join(" ") || "No component of the score could be measured.",
    });
  }
  const isJudged = components.some(({ score }) => score !== null);
  if (isJudged && result.final_score < result.config.score_threshold) {
    warnings.push({
      title: "Below the threshold",
      text: `The delivered prediction scores below the run's threshold of ${result.config.score_threshold}.`,
    });
  }
  return warnings;
}
