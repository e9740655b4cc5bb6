import type { AnnData, CsrMatrix } from "../anndata/anndata.ts";
import type { DifferentialExpression } from "../grounding/grounding.ts";
import { stackRows } from "../prompting/csr-rows.ts";
import { benjaminiHochberg } from "../statistics/benjamini-hochberg.ts";
import { rankSumsByGene } from "../statistics/rank-sum-by-gene.ts";
import { logNormalise, meanProfile } from "../statistics/normalise.ts";
import {
  changeScores,
  measurementOf,
  reliabilityOf,
  type Calibration,
} from "./expected-changes.ts";
import { ranksOfGenes, type SeenResponse } from "./gene-ranks.ts";
import { momentsByGroup } from "./group-moments.ts";
import { countsWithMeans, roundCounts } from "./integer-counts.ts";
import type { PromptEvidence } from "./prompt-evidence.ts";

/** Added to both sides of a fold change, in counts per ten thousand (Seurat's FoldChange adds 1 too). */
export const FOLD_CHANGE_PSEUDOCOUNT = 1;

/** A smaller difference of means comes from the order of summation alone. */
const ROUNDING = 1e-9;

/** The response that a run delivers, gene by gene in var order. */
export interface PredictedResponse extends DifferentialExpression {
  /** Mean log1p(CP10k) of the predicted cells: reference_mean + delta. */
  readonly predicted_mean: Float64Array;
  /** Mean log1p(CP10k) of the cells that the prediction is compared with. */
  readonly reference_mean: Float64Array;
  /** The predicted difference of means, by which genes are ranked. */
  readonly delta: Float64Array;
  /**
   * 0 to 1: delta^2 / (delta^2 + variance), with the variance of the measured responses that the
   * prediction rests on; NaN where they say nothing.
   */
  readonly reliability: Float64Array;
  /** 1 for the first gene of ranksOfGenes. */
  readonly rank: Int32Array;
}

export const CELL_ORIGINS = ["prediction", "control", "control_prediction"] as const;
export type CellOrigin = (typeof CELL_ORIGINS)[number];

/** Name of the layer with what the model gave, before it became integer counts. */
export const MODEL_OUTPUT = "model_output";

export interface ModelPrediction {
  /** Counts, cells x genes; obs and var as those of `query`. */
  readonly prediction: AnnData;
  /** The control prediction; null under query_as_control. */
  readonly controlPrediction: AnnData | null;
  /** The control cells whose response was predicted. */
  readonly query: AnnData;
  readonly evidence: PromptEvidence;
  /** How many of the genes count as changed. */
  readonly calibration: Calibration;
  /** The measured responses behind it; none where they lack controls. */
  readonly seen: readonly SeenResponse[];
  /**
   * The model adds one amount a gene to the query cells, as the baseline does; otherwise it makes
   * cells of its own, and these are delivered.
   */
  readonly shiftsQueryCells: boolean;
  readonly seed: number;
  /** What a learned transfer added to the response of the prompt, gene by gene; absent without one. */
  readonly correction?: Float64Array;
}

/**
 * The cells that a run delivers, with the control cells they are compared with, and the response
 * that these cells show. Integer counts in X; the layer `model_output` holds what the model gave,
 * and for control cells their counts.
 *
 * Where the model shifts the query cells, its response (the difference of the two predictions) is
 * carried over to the query cells, which are also the reference: what the prompt's cell types are
 * apart from the asked ones thus stays out of the answer. Where the model makes cells, these are
 * compared with its own control prediction.
 */
export function predictedResponse(input: ModelPrediction): {
  readonly cells: AnnData;
  readonly response: PredictedResponse;
  /** The cells that the predicted ones are compared with. */
  readonly reference: CellOrigin;
  /** Mean log1p(CP10k) of the control prediction, or of the query cells where there is none. */
  readonly untreatedMean: Float64Array;
} {
  const { prediction, controlPrediction, query, shiftsQueryCells, seed } = input;
  const control = roundCounts(query.X, seed);
  const shift = differenceOf(prediction.X, (controlPrediction ?? query).X);
  const compared = shiftsQueryCells ? query : (controlPrediction ?? query);
  const referenceMean = meanProfile(compared.X);
  const predictedMean = referenceMean.map((mean, gene) => Math.max(0, mean + shift[gene]!));
  const made = (output: AnnData, means: Float64Array): CsrMatrix =>
    shiftsQueryCells ? countsWithMeans(control, means, seed) : roundCounts(output.X, seed);
  const treated = made(prediction, predictedMean);
  const untreated =
    controlPrediction === null ? null : made(controlPrediction, meanProfile(controlPrediction.X));
  const response = compare(
    { treated, reference: compared === query ? control : untreated! },
    { predictedMean, referenceMean },
    input,
  );
  const parts: Part[] = [
    { origin: "prediction", counts: treated, output: prediction.X },
    { origin: "control", counts: control, output: query.X },
  ];
  if (controlPrediction !== null && untreated !== null)
    parts.push({ origin: "control_prediction", counts: untreated, output: controlPrediction.X });
  return {
    cells: { ...assemble(query, parts), uns: prediction.uns },
    response,
    reference: compared === query ? "control" : "control_prediction",
    untreatedMean: meanProfile((controlPrediction ?? query).X),
  };
}

function differenceOf(treated: CsrMatrix, control: CsrMatrix): Float64Array {
  const without = meanProfile(control);
  return meanProfile(treated).map((mean, gene) => {
    const difference = mean - without[gene]!;
    return Math.abs(difference) < ROUNDING ? 0 : difference;
  });
}

function compare(
  cells: { readonly treated: CsrMatrix; readonly reference: CsrMatrix },
  { predictedMean, referenceMean }: Record<"predictedMean" | "referenceMean", Float64Array>,
  { query, controlPrediction, evidence, calibration, correction, seen }: ModelPrediction,
): PredictedResponse {
  const genes = query.var.index;
  const delta = predictedMean.map((mean, gene) => mean - referenceMean[gene]!);
  const tested = rankSumsByGene(logNormalise(cells.treated), logNormalise(cells.reference));
  const reliability = reliabilityOf(delta, evidence, controlPrediction === null);
  const change = delta.map((value, gene) => {
    const share = reliability[gene]!;
    return Math.abs(value) * (Number.isNaN(share) ? 0 : share);
  });
  const queried = momentsByGroup(query, genes).get("")!;
  const treatedCells = Math.max(calibration.treatedCells, queried.cells);
  const counted = correction === undefined ? delta : without(correction, delta, referenceMean);
  const scores = changeScores(
    measurementOf(
      {
        delta: counted,
        reliability: reliabilityOf(counted, evidence, controlPrediction === null),
      },
      evidence,
      queried,
      treatedCells,
    ),
  );
  const changed = scores.filter((score) => score > calibration.threshold).length;
  const rank = ranksOfGenes({
    delta,
    change,
    superiority: tested.superiority,
    measuredDelta: evidence.delta,
    seen,
    measurement: { treatedCells, controlCells: queried.cells, changed },
  });
  return {
    genes,
    predicted_mean: predictedMean,
    reference_mean: referenceMean,
    delta,
    log2_fold_change: predictedMean.map((mean, gene) =>
      Math.log2(
        (Math.expm1(mean) + FOLD_CHANGE_PSEUDOCOUNT) /
          (Math.expm1(referenceMean[gene]!) + FOLD_CHANGE_PSEUDOCOUNT),
      ),
    ),
    p_value: tested.p,
    p_adjusted: benjaminiHochberg(tested.p),
    reliability,
    rank,
    is_de: Uint8Array.from(rank, (place, gene) => (place <= changed && change[gene]! > 0 ? 1 : 0)),
  };
}

/**
 * The response as it would be carried over without a correction. How many genes change is calibrated on
 * left-out responses that are carried over so; a learned transfer is smaller.
 */
const without = (
  correction: Float64Array,
  delta: Float64Array,
  reference: Float64Array,
): Float64Array =>
  delta.map(
    (change, gene) => Math.max(0, reference[gene]! + change - correction[gene]!) - reference[gene]!,
  );

interface Part {
  readonly origin: CellOrigin;
  readonly counts: CsrMatrix;
  readonly output: CsrMatrix;
}

/** The rows of all parts, named after the query cells that they belong to. */
function assemble(query: AnnData, parts: readonly Part[]): AnnData {
  const genes = query.var.index.length;
  const names = query.obs.index;
  const repeated = <Value>(value: (origin: CellOrigin, cell: number) => Value): Value[] =>
    parts.flatMap(({ origin }) => names.map((_, cell) => value(origin, cell)));
  const columns = Object.entries(query.obs.columns)
    .filter(([name]) => name !== "perturbation")
    .map(([name, column]) => [name, repeated((_, cell) => column[cell]!)] as const);
  return {
    X: stackRows(
      parts.map(({ counts }) => counts),
      genes,
    ),
    layers: {
      [MODEL_OUTPUT]: stackRows(
        parts.map(({ output }) => output),
        genes,
      ),
    },
    obs: {
      index: repeated((origin, cell) => `${origin}:${names[cell]!}`),
      columns: {
        origin: repeated((origin) => origin),
        source_cell: repeated((_, cell) => names[cell]!),
        perturbation: repeated((origin, cell) =>
          origin === "control"
            ? String(query.obs.columns["perturbation"]?.[cell] ?? "control")
            : origin,
        ),
        ...(Object.fromEntries(columns) as Record<string, readonly (string | null)[]>),
      },
    },
    var: query.var,
    uns: {},
  };
}
