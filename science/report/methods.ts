import type { DifferentialExpression } from "../grounding/grounding.ts";
import { LEAST_GENES, MOST_GENES } from "../knowledge/gene-sets.ts";
import { SOURCES } from "../knowledge/sources.ts";
import { FOLD_CHANGE_PSEUDOCOUNT } from "../response/predicted-response.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration } from "./result.ts";
import { groupDigits, list, plural } from "./wording.ts";

/**
 * The methods of the delivered answer in the form of a paper: data, prompt, prediction, statistics,
 * judgement; with versions, seeds and numbers of cells.
 */
export function methodsInWords(result: RunResult, de: DifferentialExpression): string {
  return [
    dataSentence(result),
    promptSentence(result),
    predictionSentence(result),
    statisticsSentence(de),
    pathwaySentence(result),
    judgementSentence(result),
  ].join(" ");
}

function dataSentence({ atlas, structured_query: { cell_type, perturbation } }: RunResult): string {
  const named = atlas.map(
    ({ dataset, simulated, source_file, source_sha256 }) =>
      `${dataset} (${simulated ? "simulated; " : ""}file ${source_file}, SHA-256 ${source_sha256.slice(0, 16)}…)`,
  );
  const id = cell_type.cell_ontology_id === null ? "" : ` (${cell_type.cell_ontology_id})`;
  return `The response of ${cell_type.name}${id} to ${perturbation.name} was predicted from ${named.length === 1 ? "the single-cell data set" : "the single-cell data sets"} ${list(named)}.`;
}

function promptSentence(result: RunResult): string {
  const { plan } = deliveredIteration(result);
  const { parts, strategy } = plan.chosen;
  const cells = parts.reduce((sum, { n_cells }) => sum + n_cells, 0);
  const controls = parts.reduce((sum, { n_control_cells }) => sum + n_control_cells, 0);
  const queries = plan.query_parts.reduce((sum, { n_cells }) => sum + n_cells, 0);
  return `The model was shown ${plural(cells, "prompt cell")} of ${plural(parts.length, "cell group")} (retrieval strategy: ${strategy}) and ${plural(queries, "query cell")}, unperturbed cells of the asked type; cells were drawn at random with seed ${plan.seed}${
    result.control_strategy_effective === "synthetic_control"
      ? `, and ${plural(controls, "matched control cell")} were the prompt of a second prediction, the control`
      : ""
  }.${
    plan.chosen.reads === undefined
      ? ""
      : ` Measured cells of the asked type under the asked perturbation were ${(100 * plan.chosen.reads).toFixed(0)}% of the prompt.`
  }`;
}

function predictionSentence(result: RunResult): string {
  const { model, software, random_seed, iterations, delivered_iteration, config } = result;
  return `Predictions were made by ${model.name}${model.is_baseline ? ", a baseline built into the software and no trained model," : ""} under ${software.name} ${software.version} (random seed ${random_seed}), in ${plural(iterations.length, "iteration")} of at most ${config.max_iterations}; iteration ${delivered_iteration} is reported, ${config.deliver === "last" ? "the last" : "the one that scored best"}.`;
}

const statisticsSentence = ({ genes }: DifferentialExpression): string =>
  `Counts were scaled to 10,000 a cell and log1p-transformed. ${groupDigits(genes.length)} genes were compared by two-sided Wilcoxon rank-sum tests with correction for ties, cells as replicates, and P values were adjusted by the method of Benjamini and Hochberg; fold changes have a pseudocount of ${FOLD_CHANGE_PSEUDOCOUNT} per ten thousand. Genes were ranked by the predicted difference of means and by how far measured responses in the atlas bear it out (reliability), and as many count as changed as a measurement of such a response would call.`;

function pathwaySentence(result: RunResult): string {
  const { gene_sets_tested: tested } = deliveredIteration(result);
  const sources = SOURCES.filter(({ holds }) => holds.startsWith("gene sets")).map(
    ({ source, version }) => `${source} ${version}`,
  );
  return `Enrichment of ${tested === undefined ? "gene sets" : plural(tested, "gene set")} (${sources.join("; ")}) with ${LEAST_GENES} to ${MOST_GENES} measured genes, and of imported ones of any size, among the genes that count as changed was tested in each direction by the hypergeometric distribution, with all measured genes as background, and adjusted by Benjamini and Hochberg over all sets and both directions; sets with an adjusted P below 0.05 are reported.`;
}

function judgementSentence({ expected_accuracy: expected, final_score }: RunResult): string {
  const score = `Plausibility was judged by a rule-based grounding score from 1 to 10 (here ${final_score}), the weighted mean of agreement with expected pathways, expected genes, the literature and gene networks, as far as each could be measured.`;
  if (expected === null || expected === undefined || !expected.known) return score;
  return `${score} Expected accuracy (Pearson correlation of predicted and measured change over all genes: ${expected.pearson.toFixed(2)}, 90% interval ${expected.low.toFixed(2)} to ${expected.high.toFixed(2)}) was estimated by leaving out ${plural(expected.responses, "measured response")} of the atlas in turn.`;
}
