import type { H5adFile, Slot } from "../anndata/open.ts";
import { cellCounts } from "./counts.ts";

/** Rows tried to see whether logarithms can be brought back to counts. */
const TRIED_ROWS = 64;
const BASES = [Math.E, 2, 10];
/** Some cell of a file may lack a gene counted once; if many do, the values are no logarithms. */
const MOST_UNUSUAL = 0.25;

/** How the first rows of a matrix turn into counts, as logarithms of one base. */
export interface Logarithms {
  readonly base: number;
  /** The share of cells whose values turn into whole counts. */
  readonly exact: number;
  /**
   * False where these counts begin above one in many cells: of few distinct values any transform fits
   * some such counts.
   */
  readonly usual: boolean;
}

/** By the base that scanpy notes in the file, or else the one by which most cells turn into counts. */
export function readLogarithms(file: H5adFile, slot: Slot): Logarithms {
  const noted = file.unsValue("log1p/base");
  const bases = typeof noted === "number" && noted > 1 ? [noted] : BASES;
  const X = file.rows(slot, 0, Math.min(TRIED_ROWS, slot.nRows));
  const rows = Array.from({ length: X.nRows }, (_, row) =>
    X.data.subarray(X.indptr[row], X.indptr[row + 1]).filter((value) => value !== 0),
  ).filter((values) => values.length > 0);
  const tried = bases.map((base) => {
    const cells = rows
      .map((values) => cellCounts(values, "log1p", base))
      .filter(({ exact }) => exact);
    const fromOne = cells.filter(({ counts }) => counts.includes(1)).length;
    return { base, exact: cells.length / Math.max(1, rows.length), cells: cells.length, fromOne };
  });
  const best = tried.reduce((a, b) => (b.fromOne > a.fromOne ? b : a));
  return {
    base: best.base,
    exact: best.exact,
    usual: best.fromOne >= (1 - MOST_UNUSUAL) * best.cells,
  };
}
