import { HaystackError } from "../../errors.ts";
import type { AnnData } from "../anndata/anndata.ts";

/**
 * Throws PREDICTION_INVALID unless the prediction has the query's obs names and genes in the same
 * order, a well-formed X of that shape, and only finite, non-negative values.
 */
export function validatePrediction(prediction: AnnData, query: AnnData): void {
  assertSameNames("cells", prediction.obs.index, query.obs.index);
  assertSameNames("genes", prediction.var.index, query.var.index);
  const { X } = prediction;
  if (X.nRows !== query.obs.index.length || X.nCols !== query.var.index.length) {
    throw invalid(
      `has a matrix of ${X.nRows} x ${X.nCols} where the query has ${query.obs.index.length} cells and ${query.var.index.length} genes`,
    );
  }
  if (
    X.indptr.length !== X.nRows + 1 ||
    X.indptr[X.nRows] !== X.data.length ||
    X.indices.length !== X.data.length
  ) {
    throw invalid("has a sparse matrix whose parts do not fit together");
  }
  const bad = X.data.findIndex((value) => !(value >= 0 && value < Infinity));
  if (bad !== -1)
    throw invalid(`holds the value ${X.data[bad]}, which is not a finite, non-negative count`);
}

function assertSameNames(
  what: string,
  actual: readonly string[],
  expected: readonly string[],
): void {
  if (actual.length !== expected.length)
    throw invalid(`has ${actual.length} ${what} where the query has ${expected.length}`);
  const at = actual.findIndex((name, i) => name !== expected[i]);
  if (at !== -1)
    throw invalid(
      `has "${actual[at]}" where the query has "${expected[at]}" among the ${what} (position ${at})`,
    );
}

function invalid(reason: string): HaystackError {
  return new HaystackError(
    "PREDICTION_INVALID",
    `The prediction ${reason}; check the model's output and its INFERENCE_COMMAND or image.`,
  );
}
