import { HaystackError } from "../../errors.ts";
import type { AnnData } from "../anndata/anndata.ts";
import { pearson, spearman } from "../statistics/correlation.ts";
import { compareExpression } from "../statistics/differential-expression.ts";
import { meanProfile } from "../statistics/normalise.ts";

const TOP_GENES = 50;

export interface TruthInput {
  readonly predictedTreated: AnnData;
  /** The control prediction, or the query cells. */
  readonly predictedReference: AnnData;
  readonly truthTreated: AnnData;
  readonly truthControl: AnnData;
}

/** NaN where a delta is constant, or the truth has no differentially expressed gene. */
export interface TruthComparison {
  readonly pearson_delta: number;
  readonly spearman_delta: number;
  /** Share of the truth's 50 genes of largest |delta| that are among the prediction's 50. */
  readonly top50_overlap: number;
  /**
   * Share of the truth's differentially expressed genes whose predicted delta has the same sign.
   */
  readonly direction_accuracy: number;
}

/**
 * Compares a predicted with a measured response. All four X are counts over the same genes. A
 * profile is the mean over cells of log1p(CP10k), a delta is treated minus control, and the
 * correlations run over all genes. Throws ANNDATA_INVALID when the genes differ or a side has no
 * cells.
 */
export function compareWithTruth({
  predictedTreated,
  predictedReference,
  truthTreated,
  truthControl,
}: TruthInput): TruthComparison {
  assertSameGenes([predictedTreated, predictedReference, truthTreated, truthControl]);
  const reference = meanProfile(predictedReference.X);
  const predicted = meanProfile(predictedTreated.X).map((mean, i) => mean - reference[i]!);
  const truth = compareExpression(truthTreated, truthControl);
  const measured = truth.meanTreated.map((mean, i) => mean - truth.meanControl[i]!);
  return {
    pearson_delta: pearson(predicted, measured),
    spearman_delta: spearman(predicted, measured),
    top50_overlap: topOverlap(predicted, measured),
    direction_accuracy: directionAccuracy(predicted, measured, truth.de.is_de),
  };
}

function topOverlap(predicted: Float64Array, measured: Float64Array): number {
  const count = Math.min(TOP_GENES, measured.length);
  const top = (delta: Float64Array): number[] =>
    [...delta.keys()]
      .toSorted((a, b) => Math.abs(delta[b]!) - Math.abs(delta[a]!) || a - b)
      .slice(0, count);
  const wanted = new Set(top(measured));
  return top(predicted).filter((gene) => wanted.has(gene)).length / count;
}

function directionAccuracy(
  predicted: Float64Array,
  measured: Float64Array,
  isDe: Uint8Array,
): number {
  let total = 0;
  let same = 0;
  isDe.forEach((flag, gene) => {
    if (flag === 0) return;
    total += 1;
    if (Math.sign(predicted[gene]!) === Math.sign(measured[gene]!)) same += 1;
  });
  return total === 0 ? NaN : same / total;
}

function assertSameGenes([first, ...others]: readonly AnnData[]): void {
  const genes = first!.var.index;
  for (const { X, var: variables } of [first!, ...others]) {
    if (X.nRows === 0)
      throw new HaystackError(
        "ANNDATA_INVALID",
        "The comparison with the truth needs at least one cell on each side.",
      );
    if (
      variables.index.length !== genes.length ||
      variables.index.some((gene, i) => gene !== genes[i])
    ) {
      throw new HaystackError(
        "ANNDATA_INVALID",
        "The comparison with the truth needs the same genes in the same order on all sides.",
      );
    }
  }
}
