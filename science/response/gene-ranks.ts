import { CHANGE_THRESHOLDS, scoreNeeded } from "./expected-changes.ts";

/** A measured response that a prediction rests on, of one cell type or donor. */
export interface SeenResponse {
  /** Its share in the prediction. */
  readonly weight: number;
  /** Of its treated cells over its controls, by gene, as rankSumsByGene has it; NaN: not measured. */
  readonly superiority: Float64Array;
}

interface RankedPrediction {
  readonly delta: Float64Array;
  /** |delta| x reliability; 0 where reliability is not known. */
  readonly change: Float64Array;
  /** Of the predicted cells over those they are compared with. */
  readonly superiority: Float64Array;
  readonly seen: readonly SeenResponse[];
  /** The mean difference that they show. */
  readonly measuredDelta: Float64Array;
  /** The measurement that would confirm it. */
  readonly measurement: {
    readonly treatedCells: number;
    readonly controlCells: number;
    /** Genes that it would call changed. */
    readonly changed: number;
  };
}

/**
 * The place of each gene, 1 for the first. A gene scores by how many times it is beyond what a
 * measurement needs, at the nearer of two bounds: `change` against the least change, and its
 * superiority s against q sqrt((n + m + 1) / (12 n m)), which a rank-sum test of n treated and m
 * control cells needs (q: scoreNeeded). s is the weighted geometric mean over the responses seen, in
 * the direction of delta and carried over to the asked cells as delta is (times delta over their mean
 * difference, at most 1/2), and of the prediction itself as one response more, so that what one cell
 * type or donor shows alone counts little. Nothing counts as less than the test's own error.
 * Equal scores go by `change`, then by the order of the genes.
 */
export function ranksOfGenes(prediction: RankedPrediction): Int32Array {
  const { delta, change } = prediction;
  const { treatedCells: n, controlCells: m, changed } = prediction.measurement;
  const error = Math.sqrt((n + m + 1) / (12 * n * m));
  const needed = error * scoreNeeded(changed, delta.length);
  const superiority = agreedSuperiority(prediction, error);
  const score = change.map((value, gene) =>
    Math.min(value / CHANGE_THRESHOLDS.minChange, superiority[gene]! / needed),
  );
  const ranks = new Int32Array(delta.length);
  [...delta.keys()]
    .toSorted((a, b) => score[b]! - score[a]! || change[b]! - change[a]! || a - b)
    .forEach((gene, place) => {
      ranks[gene] = place + 1;
    });
  return ranks;
}

function agreedSuperiority(
  { delta, superiority, seen, measuredDelta }: RankedPrediction,
  error: number,
): Float64Array {
  const total = seen.reduce((sum, { weight }) => sum + weight, 0);
  const shares = seen.map(({ weight }) => weight / total);
  const number = seen.length === 0 ? 0 : 1 / shares.reduce((sum, share) => sum + share * share, 0);
  return delta.map((value, gene) => {
    const logarithm = (shown: number): number => {
      const along = Math.sign(value) * shown;
      return Math.log(along > error ? along : error);
    };
    const share = carried(value, measuredDelta[gene]!);
    const ofSeen = seen.reduce(
      (sum, one, at) =>
        sum +
        shares[at]! * logarithm(Math.min(0.5, Math.max(-0.5, share * one.superiority[gene]!))),
      0,
    );
    return Math.exp((number * ofSeen + logarithm(superiority[gene]!)) / (number + 1));
  });
}

/** How much of what the responses show the prediction carries over; 1 where it goes another way. */
function carried(predicted: number, measured: number): number {
  const share = predicted / measured;
  return share > 0 && Number.isFinite(share) ? share : 1;
}
