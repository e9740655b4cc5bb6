import { pearson } from "../statistics/correlation.ts";

/** Cells whose mean response is half noise, as prompting counts them too. */
const HALF_RELIABLE_CELLS = 15;
/**
 * Mixtures of other types that predict well reach 0.91 to 0.97 on the Kang 2018 data, two donors of
 * one type 0.96 to 0.99.
 */
const FULL_FIDELITY = 0.9;
/** Below this support the confidence is lower. */
const WEAK_SUPPORT = 0.85;

/**
 * How far the shown cells can carry a statement about the asked cells. Null: not known, and not
 * held against it.
 */
export interface PromptSupport {
  readonly promptCells: number | null;
  /**
   * Pearson correlation of the mean profiles of control prediction and query cells: 1 when
   * untreated cells are predicted as they are.
   */
  readonly controlFidelity: number | null;
  /** 0 to 1: min(1, fidelity / 0.9) * sqrt(n / (n + 15)). */
  readonly factor: number;
}

/**
 * Two things bound what a prediction can say of the asked cells. Sampling noise: sqrt(n / (n + 15))
 * is the share of a correlation that it leaves to a mean over n prompt cells (attenuation, Spearman
 * 1904). And the background: the control prediction should show the query cells as they are; where
 * it shows others, the response is theirs. Both profiles are mean log1p(CP10k), over the same
 * genes.
 */
export function promptSupport(
  promptCells: number | undefined,
  reference: Float64Array,
  queryCells: Float64Array | undefined,
): PromptSupport {
  const controlFidelity = queryCells === undefined ? null : fidelityOf(reference, queryCells);
  const sampling =
    promptCells === undefined ? 1 : promptCells / (promptCells + HALF_RELIABLE_CELLS);
  return {
    promptCells: promptCells ?? null,
    controlFidelity,
    factor: Math.min(1, (controlFidelity ?? 1) / FULL_FIDELITY) * Math.sqrt(sampling),
  };
}

/** One sentence where the support is weak, else null. */
export function weakSupport({
  promptCells,
  controlFidelity,
  factor,
}: PromptSupport): string | null {
  if (factor >= WEAK_SUPPORT) return null;
  const shown =
    promptCells === null
      ? ""
      : ` ${promptCells} prompt ${promptCells === 1 ? "cell was" : "cells were"} shown`;
  const fidelity =
    controlFidelity === null
      ? ""
      : `${shown === "" ? "" : " and"} the control prediction resembles the query cells with Pearson ${controlFidelity.toFixed(2)}`;
  return `The prompt supports the prediction weakly:${shown}${fidelity}, so every component counts ${factor.toFixed(2)} times and confidence is lower.`;
}

/** Their correlation; 0 where it is negative or cannot be measured. */
function fidelityOf(reference: Float64Array, queryCells: Float64Array): number {
  const correlation = pearson(reference, queryCells);
  return Number.isNaN(correlation) ? 0 : Math.max(0, correlation);
}
