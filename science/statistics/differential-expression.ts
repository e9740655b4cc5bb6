import { HaystackError } from "../../errors.ts";
import type { AnnData } from "../anndata/anndata.ts";
import type { DifferentialExpression } from "../grounding/grounding.ts";
import { benjaminiHochberg } from "./benjamini-hochberg.ts";
import { columnMeans, logNormalise } from "./normalise.ts";
import { rankSumByGene } from "./rank-sum-by-gene.ts";

export interface DifferentialExpressionThresholds {
  readonly maxAdjustedP: number;
  readonly minLog2FoldChange: number;
  /**
   * Smallest |difference of mean log1p(CP10k)|. A model that moves all cells of a gene by one
   * amount makes p values tiny and, in genes hardly expressed, fold changes huge; the difference of
   * means is blind to both.
   */
  readonly minMeanDifference: number;
}

export const DE_THRESHOLDS: DifferentialExpressionThresholds = {
  maxAdjustedP: 0.05,
  minLog2FoldChange: 0.5,
  minMeanDifference: 0.1,
};

/** Differential expression with the means it rests on: mean log1p(CP10k) a gene, in var order. */
export interface ExpressionComparison {
  readonly de: DifferentialExpression;
  readonly meanTreated: Float64Array;
  readonly meanControl: Float64Array;
  /** Of the control prediction, where that is not what the treated cells are compared with. */
  readonly meanUntreated?: Float64Array;
}

/**
 * Treated against control cells, gene by gene. Both X are counts (cells x the same genes). p:
 * Wilcoxon rank-sum with tie correction on log1p(CP10k); adjusted by Benjamini-Hochberg over all
 * genes. log2 fold change as scanpy: log2((expm1(mean_treated) + 1e-9) / (expm1(mean_control) +
 * 1e-9)), means of log1p(CP10k). Throws ANNDATA_INVALID when the genes differ or a side has no
 * cells.
 */
export function compareExpression(
  treated: AnnData,
  control: AnnData,
  thresholds: DifferentialExpressionThresholds = DE_THRESHOLDS,
): ExpressionComparison {
  assertComparable(treated, control);
  const logTreated = logNormalise(treated.X);
  const logControl = logNormalise(control.X);
  const meanTreated = columnMeans(logTreated);
  const meanControl = columnMeans(logControl);
  const genes = treated.var.index;
  const pValue = rankSumByGene(logTreated, logControl);
  const pAdjusted = benjaminiHochberg(pValue);
  const log2FoldChange = Float64Array.from(genes, (_, i) =>
    Math.log2((Math.expm1(meanTreated[i]!) + 1e-9) / (Math.expm1(meanControl[i]!) + 1e-9)),
  );
  const isDe = Uint8Array.from(genes, (_, i) =>
    pAdjusted[i]! < thresholds.maxAdjustedP &&
    Math.abs(log2FoldChange[i]!) >= thresholds.minLog2FoldChange &&
    Math.abs(meanTreated[i]! - meanControl[i]!) >= thresholds.minMeanDifference
      ? 1
      : 0,
  );
  const de = {
    genes,
    log2_fold_change: log2FoldChange,
    p_value: pValue,
    p_adjusted: pAdjusted,
    is_de: isDe,
  };
  return { de, meanTreated, meanControl };
}

function assertComparable(treated: AnnData, control: AnnData): void {
  if (treated.X.nRows === 0 || control.X.nRows === 0) {
    throw new HaystackError(
      "ANNDATA_INVALID",
      "Differential expression needs at least one cell on each side.",
    );
  }
  const genes = treated.var.index;
  if (
    genes.length !== control.var.index.length ||
    genes.some((gene, i) => gene !== control.var.index[i])
  ) {
    throw new HaystackError(
      "ANNDATA_INVALID",
      "Differential expression needs the same genes in the same order on both sides.",
    );
  }
}
