/** Cells whose mean response is half noise, as prompting counts them too. */
const HALF_RELIABLE_CELLS = 15;

/** Fewer prompt cells than this lower the confidence: noise then takes a tenth of the correlation. */
export const FEW_PROMPT_CELLS = 64;

/**
 * sqrt(n / (n + 15)): the share of a correlation that sampling noise leaves to a mean over n cells (attenuation, Spearman
 * 1904). 1 when n is not known.
 */
export function promptReliability(promptCells: number | undefined): number {
  return promptCells === undefined ? 1 : Math.sqrt(promptCells / (promptCells + HALF_RELIABLE_CELLS));
}
