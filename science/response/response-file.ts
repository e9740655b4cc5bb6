import type { AnnData, Column } from "../anndata/anndata.ts";
import { readH5ad } from "../anndata/read.ts";
import { writeH5ad } from "../anndata/write.ts";
import { MODEL_OUTPUT, type CellOrigin, type PredictedResponse } from "./predicted-response.ts";

/** What an evaluation stores of a response: the delivered cells in X, the response in var. */
export interface StoredResponse {
  readonly cells: AnnData;
  readonly response: PredictedResponse;
  /** The cells that the predicted ones are compared with. */
  readonly reference: CellOrigin;
  /** Mean log1p(CP10k) of the control prediction, or of the query cells where there is none. */
  readonly untreatedMean: Float64Array;
}

const NUMBERS = [
  "predicted_mean",
  "reference_mean",
  "delta",
  "log2_fold_change",
  "p_value",
  "p_adjusted",
  "reliability",
] as const;
/** In uns. */
const REFERENCE = "reference_origin";
const GZIP = 4;

/** Writes it; the same input gives the same bytes. Errors: those of writeH5ad. */
export function writeResponse(
  path: string,
  { cells, response, reference, untreatedMean }: StoredResponse,
): Promise<void> {
  const columns: Record<string, Column> = {
    ...Object.fromEntries(NUMBERS.map((name) => [name, response[name]])),
    rank: response.rank,
    is_de: Array.from(response.is_de, (flag) => flag === 1),
    untreated_mean: untreatedMean,
  };
  const uns = { ...cells.uns, [REFERENCE]: reference };
  return writeH5ad(path, { ...cells, var: { ...cells.var, columns }, uns }, { gzip: GZIP });
}

/** Reads what writeResponse wrote. Errors: those of readH5ad. */
export async function readResponse(path: string): Promise<StoredResponse> {
  const stored = await readH5ad(path, [MODEL_OUTPUT]);
  const { columns, index } = stored.var;
  const { [REFERENCE]: reference, ...uns } = stored.uns;
  const numbers = (name: string): Float64Array => columns[name] as Float64Array;
  return {
    cells: { ...stored, var: { index, columns: {} }, uns },
    reference: reference === "control_prediction" ? reference : "control",
    response: {
      genes: index,
      ...(Object.fromEntries(NUMBERS.map((name) => [name, numbers(name)])) as Record<
        (typeof NUMBERS)[number],
        Float64Array
      >),
      rank: columns["rank"] as Int32Array,
      is_de: Uint8Array.from(columns["is_de"] as readonly boolean[], Number),
    },
    untreatedMean: numbers("untreated_mean"),
  };
}
