import type { AnnData } from "../science/anndata/anndata.ts";
import type { OpenAtlas } from "../science/atlas/atlas-index.ts";
import type { StructuredQuery } from "../science/query/structured-query.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import {
  measuredElsewhere,
  measuredScale,
  scaleDigest,
} from "../science/accuracy/measured-plausibility.ts";
import { compositeOf } from "../science/grounding/component.ts";
import { evaluateResponse } from "../science/grounding/evaluate.ts";
import { calibrateScore } from "../science/grounding/measured-scale.ts";
import { deltaTransfer } from "../science/inference/delta-transfer.ts";
import { responsesBehind } from "../science/response/measured-responses.ts";
import { predictedResponse } from "../science/response/predicted-response.ts";
import { promptEvidence, type EvidencePart } from "../science/response/prompt-evidence.ts";

/** A prediction of the bench, judged as a run delivers and judges it. */

const DRAW_SEED = 1;
const knowledge = loadKnowledge();

/** What a model gave, and the cells it was shown. */
export interface Pair {
  readonly prediction: AnnData;
  /** Null: the prediction is compared with the query cells. */
  readonly reference: AnnData | null;
  readonly prompt: AnnData;
  readonly controls: AnnData;
  readonly parts: readonly EvidencePart[];
}

export const pairOf = (
  query: AnnData,
  parts: readonly EvidencePart[],
  prompt: AnnData,
  controls: AnnData,
): Pair => ({
  prediction: deltaTransfer(prompt, query),
  reference: deltaTransfer(controls, query),
  prompt,
  controls,
  parts,
});

export async function scoreOf(
  pair: Pair,
  {
    query,
    about,
    seed,
    atlases,
  }: {
    readonly query: AnnData;
    readonly about: StructuredQuery;
    readonly seed: number;
    readonly atlases: readonly OpenAtlas[];
  },
): Promise<{ score: number; composite: number }> {
  const { prediction, reference, prompt, parts } = pair;
  const controls = reference === null ? null : pair.controls;
  const genes = query.var.index;
  const { response, untreatedMean } = predictedResponse({
    prediction,
    controlPrediction: reference,
    query,
    evidence: promptEvidence(genes, { prompt, controls, query, parts, reading: false }),
    ...(await behindPrediction(genes, parts, atlases)),
    shiftsQueryCells: true,
    seed,
  });
  const { grounding } = evaluateResponse(
    {
      de: response,
      meanTreated: response.predicted_mean,
      meanControl: response.reference_mean,
      meanUntreated: untreatedMean,
    },
    {
      query: about,
      queryCells: query,
      promptCells: prompt.X.nRows,
      knowledge,
      controlStrategyEffective: reference === null ? "query_as_control" : "synthetic_control",
      seed,
    },
  );
  const elsewhere = measuredElsewhere(about, { parts: parts }, atlases);
  const read =
    elsewhere === null
      ? grounding
      : calibrateScore(grounding, await scaleFor(elsewhere, { query: about, knowledge }));
  return { score: read.score, composite: compositeOf(grounding.components) };
}

const behind = new Map<string, ReturnType<typeof responsesBehind>>();

/** The draw of measured cells is not what the seeds of the bench vary. */
function behindPrediction(
  genes: readonly string[],
  parts: readonly EvidencePart[],
  atlases: readonly OpenAtlas[],
): ReturnType<typeof responsesBehind> {
  const key = JSON.stringify(parts);
  const responses = behind.get(key) ?? responsesBehind(genes, parts, atlases, DRAW_SEED);
  behind.set(key, responses);
  return responses;
}

const scales = new Map<string, ReturnType<typeof measuredScale>>();

function scaleFor(...given: Parameters<typeof measuredScale>): ReturnType<typeof measuredScale> {
  const digest = scaleDigest(...given);
  const scale = scales.get(digest) ?? measuredScale(...given);
  scales.set(digest, scale);
  return scale;
}
