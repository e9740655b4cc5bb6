import type { OpenAtlas } from "../atlas/atlas-index.ts";
import { pearson } from "../statistics/correlation.ts";
import { pooledProfile } from "./control-similarity.ts";
import { mixtureWeights } from "./mixture.ts";
import type { LocatedGroup } from "./retrieval.ts";

/** Mean Pearson(delta) over the cell types left out in turn; delta = mean profile perturbed - control. */
export interface LeaveOneOut {
  readonly cellTypes: number;
  readonly mixture: number;
  /** Predicting from the one cell type whose controls are most similar. */
  readonly nearest: number;
}

interface TypeProfile {
  readonly control: Float64Array;
  readonly delta: Float64Array;
}

function typeProfile(atlas: OpenAtlas, groups: readonly LocatedGroup[]): TypeProfile {
  const control = pooledProfile(atlas, groups.flatMap((located) => located.control ?? []));
  const perturbed = pooledProfile(atlas, groups.map(({ group }) => group));
  return { control, delta: perturbed.map((value, gene) => value - control[gene]!) };
}

function weightedSum(vectors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length);
  vectors.forEach((vector, v) => {
    for (let i = 0; i < sum.length; i += 1) sum[i]! += weights[v]! * vector[i]!;
  });
  return sum;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Whether mixing cell types predicts better than the nearest one, asked of the atlas itself: each cell type that has
 * this perturbation is left out and predicted from the others. Null with fewer than three such types. The groups share
 * one data set and one perturbation and have matched controls; the asked cells must not be among them.
 */
export function leaveOneOut(atlas: OpenAtlas, groups: readonly LocatedGroup[]): LeaveOneOut | null {
  const withControl = groups.filter(({ control }) => control !== null);
  const types = [...Map.groupBy(withControl, ({ group }) => group.cell_type).values()].map((members) => typeProfile(atlas, members));
  if (types.length < 3) return null;
  const scores = types.map((target) => {
    const others = types.filter((type) => type !== target);
    const similarities = others.map((other) => pearson(other.control, target.control));
    const nearest = others[similarities.indexOf(Math.max(...similarities))];
    const mixed = weightedSum(others.map(({ delta }) => delta), mixtureWeights(similarities));
    return { mixture: pearson(mixed, target.delta), nearest: nearest === undefined ? Number.NaN : pearson(nearest.delta, target.delta) };
  });
  const mixture = mean(scores.map((score) => score.mixture));
  const nearest = mean(scores.map((score) => score.nearest));
  return Number.isNaN(mixture) || Number.isNaN(nearest) ? null : { cellTypes: types.length, mixture, nearest };
}
