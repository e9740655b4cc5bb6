import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { PlausibilityScale } from "../../science/accuracy/accuracy-schema.ts";
import { given } from "../../given.ts";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { evaluateResponse, type JudgementInput } from "../../science/grounding/evaluate.ts";
import { testGeneSets } from "../../science/statistics/test-gene-sets.ts";
import { calibrateScore } from "../../science/grounding/measured-scale.ts";
import { correctionOf } from "../../science/inference/delta-transfer.ts";
import { validatePrediction } from "../../science/inference/validate-prediction.ts";
import { importedSets, loadKnowledge } from "../../science/knowledge/load.ts";
import type { ControlStrategy, StructuredQuery } from "../../science/query/structured-query.ts";
import { mixedParts } from "../../science/prompting/mixed-prompts.ts";
import { mixedPredictions, pooledCells } from "../../science/response/mixed-cells.ts";
import { predictedResponse } from "../../science/response/predicted-response.ts";
import { matchedControls, responsesBehind } from "../../science/response/measured-responses.ts";
import { promptEvidence, type EvidencePart } from "../../science/response/prompt-evidence.ts";
import { readResponse, writeResponse } from "../../science/response/response-file.ts";
import { openAll, type AtlasPlace, type WithKnowledge } from "./places.ts";

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

/** The files of one prompt and of what was predicted from it. */
export interface PromptFiles {
  readonly prediction: string;
  readonly controlPrediction: string | null;
  readonly prompt: string;
  /** The matched controls of the prompt; null under query_as_control. */
  readonly controls: string | null;
  readonly parts: readonly EvidencePart[];
}

export interface ResponseTask {
  /** One prompt, or those whose predictions are mixed. */
  readonly members: readonly PromptFiles[];
  readonly query: string;
  /** The atlases that hold the parts. */
  readonly places: readonly AtlasPlace[];
  /** As in promptEvidence. */
  readonly reading: boolean;
  /** As in ModelPrediction. */
  readonly shiftsQueryCells: boolean;
  readonly seed: number;
  readonly output: string;
}

/**
 * Writes the cells and the response that a prediction amounts to, of which evaluation, report and
 * delivered file are made, to `output`.
 */
export async function predictResponse({ output, ...input }: ResponseTask): Promise<void> {
  const { members, reading, shiftsQueryCells, seed } = input;
  const query = await readH5ad(input.query);
  const prompts = await readAll(members.map(({ prompt }) => prompt));
  const prediction = mixedPredictions(await readAll(members.map((member) => member.prediction)));
  const controlPrediction = allOrNull(
    await readAll(members.flatMap((member) => member.controlPrediction ?? [])),
    mixedPredictions,
  );
  const controls = allOrNull(
    await readAll(members.flatMap((member) => member.controls ?? [])),
    pooledCells,
  );
  const parts = mixedParts(members.map((member) => member.parts));
  const prompt = pooledCells(prompts);
  const genes = query.var.index;
  const atlases = await openAll(input.places);
  const matched =
    controls === null ? await matchedControls(parts, atlases, seed) : { controls, parts };
  const evidence = promptEvidence(genes, { prompt, query, reading, ...matched });
  const behind = await responsesBehind(genes, parts, atlases, seed);
  await writeResponse(
    output,
    predictedResponse({
      prediction,
      controlPrediction,
      query,
      evidence,
      ...behind,
      shiftsQueryCells,
      seed,
      ...given({ correction: meanCorrection(prompts, genes) }),
    }),
  );
}

const readAll = (paths: readonly string[]): Promise<AnnData[]> =>
  Promise.all(paths.map((path) => readH5ad(path)));

const allOrNull = (
  some: readonly AnnData[],
  together: (all: readonly AnnData[]) => AnnData,
): AnnData | null => (some.length === 0 ? null : together(some));

/** What learned transfers added on average; undefined where none did. */
function meanCorrection(
  prompts: readonly AnnData[],
  genes: readonly string[],
): Float64Array | undefined {
  const corrections = prompts.flatMap((prompt) => correctionOf(prompt, genes) ?? []);
  const [first, ...others] = corrections;
  if (first === undefined) return undefined;
  if (others.length === 0 && prompts.length === 1) return first;
  return first.map(
    (_, gene) => corrections.reduce((sum, each) => sum + each[gene]!, 0) / prompts.length,
  );
}

export interface EvaluateTask extends WithKnowledge {
  readonly structured_query: StructuredQuery;
  /** What predictResponse wrote. */
  readonly response: string;
  readonly queryCells: string;
  /** Cells of the prompt. */
  readonly promptCells: number;
  /** As in JudgementInput. */
  readonly standIn?: string;
  readonly controlStrategyEffective: ControlStrategy;
  readonly seed: number;
  readonly literature?: NonNullable<JudgementInput["literature"]>;
  /** What the score is read against. */
  readonly scale: PlausibilityScale;
}

export async function evaluate(input: EvaluateTask) {
  const { structured_query: query, knowledge, response: path, scale, ...judged } = input;
  const [{ response, untreatedMean }, queryCells] = await Promise.all([
    readResponse(path),
    readH5ad(input.queryCells),
  ]);
  const comparison = {
    de: response,
    meanTreated: response.predicted_mean,
    meanControl: response.reference_mean,
    meanUntreated: untreatedMean,
  };
  const known = loadKnowledge(knowledge);
  const { grounding, topGenes } = evaluateResponse(comparison, {
    ...judged,
    query,
    queryCells,
    knowledge: known,
  });
  return {
    grounding: calibrateScore(grounding, scale),
    top_genes: topGenes,
    ...testGeneSets(response, importedSets(known)),
  };
}
export type Evaluation = Awaited<ReturnType<typeof evaluate>>;
