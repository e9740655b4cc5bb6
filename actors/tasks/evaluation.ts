import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { readH5ad } from "../../science/anndata/read.ts";
import { evaluateResponse, type EvaluationInput } from "../../science/grounding/evaluate.ts";
import { validatePrediction } from "../../science/inference/validate-prediction.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import type { ControlStrategy, StructuredQuery } from "../../science/query/structured-query.ts";
import { compareExpression as compareCells } from "../../science/statistics/differential-expression.ts";
import { expressionFromJson, expressionToJson } from "../../science/statistics/expression-json.ts";
import type { WithKnowledge } from "./places.ts";

/** The tasks that check a prediction, measure what it says, and judge that. */

/** Errors: PREDICTION_INVALID. Returns the content hash of the prediction file. */
export async function checkPrediction({
  prediction,
  query,
}: {
  readonly prediction: string;
  readonly query: string;
}): Promise<string> {
  const [predicted, asked] = await Promise.all([readH5ad(prediction), readH5ad(query)]);
  validatePrediction(predicted, asked);
  const hash = createHash("sha256");
  await pipeline(createReadStream(prediction), hash);
  return hash.digest("hex");
}

/**
 * Writes the differential expression of a prediction, of which evaluation and report are made, to
 * `output`.
 */
export async function compareExpression(input: {
  readonly prediction: string;
  /** The control predictions, or under query_as_control the query cells. */
  readonly reference: string;
  readonly output: string;
}): Promise<void> {
  const [prediction, reference] = await Promise.all([
    readH5ad(input.prediction),
    readH5ad(input.reference),
  ]);
  await writeFile(input.output, expressionToJson(compareCells(prediction, reference)));
}

export interface EvaluateTask extends WithKnowledge {
  readonly structured_query: StructuredQuery;
  /** What compareExpression wrote. */
  readonly expression: string;
  readonly queryCells: string;
  /** Cells of the prompt. */
  readonly promptCells: number;
  readonly controlStrategyEffective: ControlStrategy;
  readonly seed: number;
  readonly literature?: NonNullable<EvaluationInput["literature"]>;
}

export async function evaluate(input: EvaluateTask) {
  const { structured_query: query, knowledge, expression, ...judged } = input;
  const [comparison, queryCells] = await Promise.all([
    readFile(expression, "utf8").then(expressionFromJson),
    readH5ad(input.queryCells),
  ]);
  const { grounding, topGenes, enriched } = evaluateResponse(comparison, {
    ...judged,
    query,
    queryCells,
    knowledge: loadKnowledge(knowledge),
  });
  return { grounding, top_genes: topGenes, enriched };
}
export type Evaluation = Awaited<ReturnType<typeof evaluate>>;
