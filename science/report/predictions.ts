import { HaystackError } from "../../errors.ts";
import type { AnnData, Column, DataFrame, UnsValue } from "../anndata/anndata.ts";
import type { GroundingComponentName } from "../grounding/grounding.ts";
import type { CellOrigin, PredictedResponse } from "../response/predicted-response.ts";
import { GROUNDING_WEIGHTS } from "../grounding/grounding.ts";
import type { IterationResult, RunResult } from "./result.ts";
import { deliveredIteration, isSimulated, targetTest } from "./result.ts";

/**
 * The delivered AnnData: X (cells x genes, integer counts), layers and the row and column order are
 * those of `prediction`; obs, var and uns gain what the run found (docs/predictions.md). The
 * prediction's own columns and uns entries are kept unless a name clashes. In `uns`, `iterations`,
 * `enrichment_results` and `evidence` are tables: one array a field, all of one length.
 * Errors: PREDICTION_INVALID when `response` is not about the genes of `prediction`.
 */
export function assemblePredictions(
  result: RunResult,
  prediction: AnnData,
  response: PredictedResponse,
): AnnData {
  const genes = prediction.var.index;
  if (
    genes.length !== response.genes.length ||
    genes.some((gene, i) => gene !== response.genes[i])
  ) {
    throw new HaystackError(
      "PREDICTION_INVALID",
      "The genes of the prediction and of its differential expression differ; evaluate the prediction again.",
    );
  }
  const delivered = deliveredIteration(result);
  const query = result.structured_query;
  const isTarget = targetTest(query);
  const cells = prediction.obs.index;
  const everyCell = (text: string): readonly string[] => cells.map(() => text);
  return {
    X: prediction.X,
    ...(prediction.layers === undefined ? {} : { layers: prediction.layers }),
    obs: withColumns(prediction.obs, {
      perturbation: labelled(prediction.obs, query.perturbation.name),
      cell_id: cells,
      cell_type_query: everyCell(query.cell_type.name),
      perturbation_query: everyCell(query.perturbation.name),
      prompt_strategy: everyCell(delivered.plan.chosen.strategy),
      iteration: new Int32Array(cells.length).fill(delivered.iteration),
      grounding_score: new Int32Array(cells.length).fill(delivered.grounding.score),
    }),
    var: withColumns(prediction.var, {
      gene_symbol: genes,
      rank: response.rank,
      delta: response.delta,
      reliability: response.reliability,
      predicted_mean: response.predicted_mean,
      reference_mean: response.reference_mean,
      predicted_lfc: response.log2_fold_change,
      predicted_pval: response.p_value,
      predicted_padj: response.p_adjusted,
      is_de: Array.from(response.is_de, (flag) => flag === 1),
      target_gene: genes.map(isTarget),
    }),
    uns: { ...prediction.uns, ...unsOf(result, delivered) },
  };
}

/** The perturbation of each cell; only measured cells bear a label as the atlas has it. */
function labelled(obs: DataFrame, asked: string): readonly string[] {
  const labels: Readonly<Record<CellOrigin, string | null>> = {
    prediction: `predicted ${asked}`,
    control_prediction: "predicted control",
    control: null,
  };
  const measured = obs.columns["perturbation"];
  return (obs.columns["origin"] as readonly CellOrigin[]).map(
    (origin, cell) => labels[origin] ?? String(measured?.[cell] ?? "control"),
  );
}

/** AnnData reserves "_index" and refuses "" and "/" in column names. */
function withColumns(frame: DataFrame, ours: Record<string, Column>): DataFrame {
  const columns: Record<string, Column> = { ...ours };
  for (const [name, column] of Object.entries(frame.columns)) {
    const safe = name.replaceAll("/", "_");
    if (safe !== "" && safe !== "_index" && !(safe in columns)) columns[safe] = column;
  }
  return { index: frame.index, columns };
}

function unsOf(result: RunResult, delivered: IterationResult): Record<string, UnsValue> {
  const { iterations } = result;
  const { evidence, confidence } = delivered.grounding;
  const { enriched } = delivered;
  return {
    run_id: result.run_id,
    query: result.query,
    structured_query: JSON.stringify(result.structured_query),
    config: settings(result.config),
    random_seed: result.random_seed,
    control_strategy: result.control_strategy,
    control_strategy_effective: result.control_strategy_effective,
    delivered_iteration: result.delivered_iteration,
    final_score: result.final_score,
    termination_reason: result.termination_reason,
    confidence,
    model: result.model.name,
    is_baseline: result.model.is_baseline,
    simulated: isSimulated(result),
    atlas: {
      dataset: result.atlas.map(({ dataset }) => dataset),
      source_sha256: result.atlas.map(({ source_sha256 }) => source_sha256),
    },
    software: `${result.software.name} ${result.software.version}`,
    iterations: {
      iteration: iterations.map(({ iteration }) => iteration),
      score: iterations.map(({ grounding }) => grounding.score),
      ...componentScores(iterations),
      prompt_strategy: iterations.map(({ plan }) => plan.chosen.strategy),
      rationale: iterations.map(({ plan }) => plan.chosen.rationale),
      prompt_groups: iterations.map(({ plan }) =>
        plan.chosen.parts.map(({ group_id }) => group_id).join(";"),
      ),
      seed: iterations.map(({ plan }) => plan.seed),
    },
    enrichment_results: {
      pathway_id: enriched.map(({ id }) => id),
      name: enriched.map(({ name }) => name),
      direction: enriched.map(({ direction }) => direction),
      overlap: enriched.map(({ overlap }) => overlap),
      pathway_size: enriched.map(({ pathway_size }) => pathway_size),
      p_adjusted: Float64Array.from(enriched, ({ p_adjusted }) => p_adjusted),
      alike: enriched.map(({ alike = "" }) => alike),
      genes: enriched.map(({ genes }) => genes.join(";")),
      source: enriched.map(({ source }) => source),
    },
    evidence: {
      component: evidence.map(({ component }) => component),
      statement: evidence.map(({ statement }) => statement),
      supports: evidence.map(({ supports }) => supports),
      source: evidence.map(({ source }) => source),
    },
  };
}

/** Scalars as they are, anything else as JSON text; what is not set is left out. */
function settings(config: object): Record<string, UnsValue> {
  const set = Object.entries(config).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(
    set.map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? value
        : JSON.stringify(value),
    ]),
  );
}

/** One column a component, NaN where it was not measured. */
function componentScores(iterations: readonly IterationResult[]): Record<string, Float64Array> {
  const names = Object.keys(GROUNDING_WEIGHTS) as GroundingComponentName[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      Float64Array.from(
        iterations,
        ({ grounding }) =>
          grounding.components.find((component) => component.name === name)?.score ?? Number.NaN,
      ),
    ]),
  );
}
