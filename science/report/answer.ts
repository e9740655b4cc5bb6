import type { DifferentialExpression } from "../grounding/grounding.ts";
import { baselineText, simulatedText } from "./rests-on.ts";
import { meaningOf, scaleSentence } from "../grounding/meaning.ts";
import { readingSentence } from "./reading.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration, isSimulated } from "./result.ts";
import { chartGeneName, groupDigits, list, plural, TERMINATION_SENTENCES } from "./wording.ts";
import { pValue } from "../statistics/p-value.ts";

export interface Answer {
  /** One paragraph, sentence by sentence. */
  readonly sentences: readonly string[];
  /** What the score and the expected accuracy are, and are not. */
  readonly numbers: readonly string[];
  /** What must be known before the answer is used, most weighty first. */
  readonly warnings: readonly { readonly title: string; readonly text: string }[];
}

const SIGNIFICANT = 0.05;

/** The answer to the question in words: the predicted change, its score and how far to trust it. */
export function answerInWords(result: RunResult, de: DifferentialExpression): Answer {
  const { structured_query: query, config } = result;
  const { top_genes: genes, enriched, grounding, plan } = deliveredIteration(result);
  const reading = readingSentence(query, plan.chosen.reads);
  const isJudged = grounding.components.some(({ score }) => score !== null);
  const scale = scaleSentence(grounding);
  const changed = de.genes
    .keys()
    .filter((i) => de.is_de[i] === 1)
    .toArray();
  const up = changed.filter((i) => (de.log2_fold_change[i] ?? 0) > 0).length;
  const strongest = (direction: "up" | "down") =>
    list(
      genes
        .filter((gene) => gene.direction === direction)
        .slice(0, 4)
        .map(({ gene }) => chartGeneName(gene)),
    );
  const sentences = [
    ...(reading === null ? [] : [reading]),
    `Predicted response of ${query.cell_type.name} to ${query.perturbation.name}: ${groupDigits(changed.length)} of ${plural(de.genes.length, "gene")} change expression, ${up} up and ${changed.length - up} down.`,
  ];
  if (strongest("up") !== "") sentences.push(`Strongest up: ${strongest("up")}.`);
  if (strongest("down") !== "") sentences.push(`Strongest down: ${strongest("down")}.`);
  const pathway = enriched.find(({ p_adjusted }) => p_adjusted < SIGNIFICANT);
  sentences.push(
    pathway === undefined
      ? "No pathway is enriched among them."
      : `The most enriched pathway is ${pathway.name} (${pathway.direction}, ${pathway.overlap} of ${plural(pathway.pathway_size, "gene")}, adjusted p ${pValue(pathway.p_adjusted)}).`,
    `The predicted response ${meaningOf(grounding, changed.length > 0)}.`,
    isJudged
      ? `Grounding score: ${result.final_score} of 10, where the run asked for ${config.score_threshold}; confidence in it is ${grounding.confidence}.`
      : `The grounding score of ${result.final_score} says nothing.`,
    ...(scale === null || !isJudged ? [] : [scale]),
    `${TERMINATION_SENTENCES[result.termination_reason]} Delivered: iteration ${result.delivered_iteration} of ${result.iterations.length}.`,
  );
  return { sentences, numbers: numbersInWords(result), warnings: warningsOf(result) };
}

function numbersInWords({ expected_accuracy: expected }: RunResult): string[] {
  const reach = "over all genes, of the predicted change with a measured one";
  return [
    "The grounding score says how well the predicted response agrees with known biology, from 1 (not at all, or the contrary) to 10.",
    ...(expected === null || expected === undefined
      ? []
      : [
          expected.known
            ? `Expected accuracy is the correlation, ${reach}, that the atlas lets expect: ${plural(expected.responses, expected.left_out === "donors" ? "measured response" : "measured cell type")} ${expected.left_out === "donors" ? "of donors " : ""}were left out in turn and predicted in the same way, and 9 of 10 further ones should lie in the interval.`
            : `Expected accuracy, the correlation, ${reach}, is unknown. ${expected.reason}`,
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
