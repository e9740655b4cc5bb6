import { benjaminiHochberg } from "../statistics/benjamini-hochberg.ts";
import { quantile } from "../statistics/quantile.ts";
import { normalQuantile, twoSidedNormalP } from "../statistics/special-functions.ts";
import { pooledMoments, pooledVariance, varianceOf, type Moments } from "./group-moments.ts";
import { evidenceOf, type MeasuredPart, type PromptEvidence } from "./prompt-evidence.ts";

/**
 * How many genes a measurement of the predicted response would call changed. A prediction is
 * smoother than a measurement: a threshold for measured cells calls too many of its genes, or too
 * few. So the number, not the threshold, is carried over from measured responses.
 */

/** When a measured gene counts as changed, as scanpy's rank_genes_groups and |delta| tell. */
export const CHANGE_THRESHOLDS = { maxAdjustedP: 0.05, minChange: 0.1 } as const;

/** A part of the prompt with all its cells, and the label by which parts are left out together. */
export interface LeftOutPart extends MeasuredPart {
  readonly unit: string;
}

/** The measured response of one unit. */
export interface MeasuredResponse {
  readonly unit: string;
  /** Genes that its own cells call changed. */
  readonly changed: number;
}

/** How a prediction's scores are read. */
export interface Calibration {
  /** Scores above it count as genes that a measurement would call changed. */
  readonly threshold: number;
  /** Units left out in turn; 0: nothing to calibrate with, and the threshold is 1. */
  readonly leftOut: number;
  /** Perturbed cells that units usually have; 0 without units. */
  readonly treatedCells: number;
}

export const UNCALIBRATED: Calibration = { threshold: 1, leftOut: 0, treatedCells: 0 };

interface Predicted {
  readonly delta: Float64Array;
  readonly reliability: Float64Array;
  /** Variance of the difference of two means, as the measurement would have it. */
  readonly error: Float64Array;
}

/**
 * delta^2 / (delta^2 + variance): the share of delta that is not error. 0 where delta is 0. Without a
 * control prediction (`withoutControl`) the part of delta that the measured responses show, times
 * their own share: what sets the prompt's donors and cell types apart from the query cells is in
 * delta too, and no response.
 */
export function reliabilityOf(
  delta: Float64Array,
  { variance, delta: measured }: PromptEvidence,
  withoutControl = false,
): Float64Array {
  return delta.map((value, gene) => {
    if (value === 0) return 0;
    const seen = withoutControl ? measured[gene]! : value;
    const share = (seen * seen) / (seen * seen + variance[gene]!);
    return share * Math.min(1, Math.max(0, seen / value));
  });
}

/**
 * How far each gene is beyond both thresholds of a measured change, 1 at the nearer of them: |delta|
 * x reliability against the least change, |delta| against what the test needs at the gene's error.
 */
export function changeScores({ delta, reliability, error }: Predicted): Float64Array {
  const z = delta.map((value, gene) =>
    error[gene]! > 0 ? Math.abs(value) / Math.sqrt(error[gene]!) : 0,
  );
  const adjusted = benjaminiHochberg(z.map(twoSidedNormalP));
  const { maxAdjustedP, minChange } = CHANGE_THRESHOLDS;
  const needed = scoreNeeded(adjusted.filter((p) => p < maxAdjustedP).length, z.length);
  return delta.map((value, gene) => {
    const change = Math.abs(value) * reliability[gene]!;
    return Number.isNaN(change) ? 0 : Math.min(change / minChange, z[gene]! / needed);
  });
}

/** The standard score that Benjamini and Hochberg ask of the last of `significant` genes. */
export const scoreNeeded = (significant: number, genes: number): number =>
  -normalQuantile((CHANGE_THRESHOLDS.maxAdjustedP * Math.max(1, significant)) / (2 * genes));

/** The prediction that `evidence` makes of cells with these controls, measured in so many cells. */
export function measurementOf(
  { delta, reliability }: Omit<Predicted, "error">,
  evidence: PromptEvidence,
  control: Moments,
  treatedCells: number,
): Predicted {
  const ofControl = varianceOf(control, pooledVariance([control]));
  return {
    delta,
    reliability,
    error: ofControl.map(
      (variance, gene) => variance / control.cells + evidence.treatedVariance[gene]! / treatedCells,
    ),
  };
}

/**
 * Leaves out each unit in turn, predicts it from the others, and sets the threshold so that over all
 * units as many genes are called changed as their own cells call.
 */
export function calibrateChanges(
  genes: number,
  parts: readonly LeftOutPart[],
  measured: readonly MeasuredResponse[],
): Calibration {
  const scores: Float64Array[] = [];
  const cells: number[] = [];
  let changed = 0;
  for (const response of measured) {
    const rest = parts.filter(({ unit }) => unit !== response.unit);
    const own = parts.filter(({ unit }) => unit === response.unit);
    if (rest.length === 0 || own.length === 0) continue;
    const treated = pooledMoments(own.map((part) => part.treated));
    const control = pooledMoments([...new Set(own.map((part) => part.control))]);
    const evidence = evidenceOf(genes, rest, { others: [control] });
    const delta = evidence.delta.map((shift, gene) =>
      Number.isNaN(shift) ? 0 : Math.max(0, control.mean[gene]! + shift) - control.mean[gene]!,
    );
    scores.push(
      changeScores(
        measurementOf(
          { delta, reliability: reliabilityOf(delta, evidence) },
          evidence,
          control,
          treated.cells,
        ),
      ),
    );
    cells.push(treated.cells);
    changed += response.changed;
  }
  if (scores.length === 0) return UNCALIBRATED;
  const all = Float64Array.from(scores.flatMap((own) => [...own]))
    .toSorted()
    .toReversed();
  const next = all[Math.min(changed, all.length - 1)]!;
  return {
    threshold: changed === 0 ? Math.max(1, next) : (all[changed - 1]! + next) / 2,
    leftOut: scores.length,
    treatedCells: quantile(cells, 0.5),
  };
}
