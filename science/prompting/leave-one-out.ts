import type { OpenAtlas } from "../atlas/atlas-index.ts";
import { pearson } from "../statistics/correlation.ts";
import { pooledProfile } from "./control-similarity.ts";
import { krigingWeights } from "./kriging.ts";
import type { LocatedGroup } from "./retrieval.ts";

/**
 * Mean Pearson(delta) over the cell types left out in turn; delta = mean profile perturbed -
 * control.
 */
export interface LeaveOneOut {
  readonly cellTypes: number;
  readonly mixture: number;
  /** Predicting from the one cell type whose controls are most similar. */
  readonly nearest: number;
}

interface TypeProfile {
  readonly control: Float64Array;
  readonly delta: Float64Array;
  /** Cells that the response is worth. */
  readonly cells: number;
}

function typeProfile(atlas: OpenAtlas, groups: readonly LocatedGroup[]): TypeProfile {
  const control = pooledProfile(
    atlas,
    groups.flatMap((located) => located.control ?? []),
  );
  const perturbed = pooledProfile(
    atlas,
    groups.map(({ group }) => group),
  );
  const count = (some: readonly ({ readonly n_cells: number } | null)[]): number =>
    some.reduce((sum, group) => sum + (group?.n_cells ?? 0), 0);
  const cells =
    2 /
    (1 / count(groups.map(({ group }) => group)) +
      1 / count(groups.map((located) => located.control)));
  return { control, delta: perturbed.map((value, gene) => value - control[gene]!), cells };
}

function weightedSum(vectors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length);
  vectors.forEach((vector, v) => {
    for (let i = 0; i < sum.length; i += 1) sum[i]! += weights[v]! * vector[i]!;
  });
  return sum;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Whether mixing cell types predicts better than the nearest one, asked of the atlas itself: each
 * cell type that has this perturbation is left out and predicted from the others. Null with fewer
 * than three such types. The groups share one data set and one perturbation and have matched
 * controls; the asked cells must not be among them.
 */
export function leaveOneOut(atlas: OpenAtlas, groups: readonly LocatedGroup[]): LeaveOneOut | null {
  const withControl = groups.filter(({ control }) => control !== null);
  const types = [...Map.groupBy(withControl, ({ group }) => group.cell_type).values()].map(
    (members) => typeProfile(atlas, members),
  );
  if (types.length < 3) return null;
  const similarity = types.map((one, i) =>
    types.map((other, j) => (j < i ? pearson(one.control, other.control) : 1)),
  );
  const between = (i: number, j: number): number => similarity[Math.max(i, j)]![Math.min(i, j)]!;
  const scores = types.map((target, t) => {
    const places = [...types.keys()].filter((at) => at !== t);
    const others = places.map((at) => types[at]!);
    const similarities = places.map((at) => between(at, t));
    const nearest = others[similarities.indexOf(Math.max(...similarities))];
    const mixed = weightedSum(
      others.map(({ delta }) => delta),
      krigingWeights({
        toQuery: similarities,
        between: (i, j) => between(places[i]!, places[j]!),
        cells: others.map(({ cells }) => cells),
      }),
    );
    return {
      mixture: pearson(mixed, target.delta),
      nearest: nearest === undefined ? Number.NaN : pearson(nearest.delta, target.delta),
    };
  });
  const mixture = mean(scores.map((score) => score.mixture));
  const nearest = mean(scores.map((score) => score.nearest));
  return Number.isNaN(mixture) || Number.isNaN(nearest)
    ? null
    : { cellTypes: types.length, mixture, nearest };
}
