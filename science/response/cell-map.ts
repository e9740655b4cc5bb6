import type { AnnData } from "../anndata/anndata.ts";
import { takeRows } from "../prompting/csr-rows.ts";
import { logNormalise } from "../statistics/normalise.ts";
import { principalComponents } from "../statistics/principal-components.ts";
import { CELL_ORIGINS, type CellOrigin } from "./predicted-response.ts";

/** More points hide one another. */
const MOST_OF_AN_ORIGIN = 500;

/** The delivered cells in two dimensions. */
export interface CellMap {
  /** The cells that are drawn, in their order in the file. */
  readonly origin: readonly CellOrigin[];
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** The share of the variance among these cells that each axis explains, 0 to 1. */
  readonly variance_ratio: readonly [number, number];
  /** How many cells the file has. */
  readonly of: number;
}

/**
 * Predicted and control cells on their first two principal components: log1p(CP10k) of all genes,
 * centred and not scaled, as scanpy's `normalize_total`, `log1p` and `pca` give them. Of each origin at
 * most 500 cells, evenly drawn in file order. `cells`: counts, cells x genes, with `origin` in obs.
 * Null where there are fewer than three cells, or none that differ.
 */
export function cellMap(cells: AnnData): CellMap | null {
  const origins = cells.obs.columns["origin"] as readonly CellOrigin[] | undefined;
  if (origins === undefined) return null;
  const rows = CELL_ORIGINS.flatMap((origin) =>
    evenly(
      [...origins.keys()].filter((row) => origins[row] === origin),
      MOST_OF_AN_ORIGIN,
    ),
  ).toSorted((a, b) => a - b);
  if (rows.length < 3) return null;
  const { scores, variance_ratio } = principalComponents(
    logNormalise(takeRows(cells.X, Int32Array.from(rows))),
    2,
  );
  const [first = 0, second = 0] = variance_ratio;
  if (first === 0) return null;
  return {
    origin: rows.map((row) => origins[row]!),
    x: scores[0]!,
    y: scores[1]!,
    variance_ratio: [first, second],
    of: origins.length,
  };
}

const evenly = (rows: readonly number[], most: number): readonly number[] =>
  rows.length <= most
    ? rows
    : Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]!);
