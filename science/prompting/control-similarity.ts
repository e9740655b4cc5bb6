import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { pearson } from "../statistics/correlation.ts";

/** Mean of the groups' profiles weighted by their cells, length n_genes of the atlas. */
export function pooledProfile(atlas: OpenAtlas, groups: readonly CellGroup[]): Float64Array {
  const pooled = new Float64Array(atlas.index.n_genes);
  const total = groups.reduce((sum, group) => sum + group.n_cells, 0);
  for (const group of groups) {
    const profile = atlas.profile(group.group_id);
    const share = group.n_cells / total;
    for (let gene = 0; gene < pooled.length; gene += 1) pooled[gene]! += share * profile[gene]!;
  }
  return pooled;
}

/** Rows of `from` and of `to` that hold the same gene symbol, whatever its case. */
function sharedGenes(
  from: OpenAtlas,
  to: OpenAtlas,
): { readonly from: readonly number[]; readonly to: readonly number[] } {
  const position = new Map(to.index.genes.map((gene, i) => [gene.toUpperCase(), i]));
  const pairs = from.index.genes.flatMap((gene, i) => {
    const j = position.get(gene.toUpperCase());
    return j === undefined ? [] : [[i, j] as const];
  });
  return { from: pairs.map(([i]) => i), to: pairs.map(([, j]) => j) };
}

const pick = (values: ArrayLike<number>, at: readonly number[]): Float64Array =>
  Float64Array.from(at, (i) => values[i]!);

export interface ControlSimilarity {
  /** Of control groups of one atlas, pooled, with the query cells. */
  toQuery(atlas: OpenAtlas, controls: readonly CellGroup[]): number | null;
  /** Of control groups of one atlas with others of it. */
  between(
    atlas: OpenAtlas,
    some: readonly CellGroup[],
    others: readonly CellGroup[],
  ): number | null;
}

/**
 * The data-driven prior: Pearson correlation (-1 to 1) of control groups' mean profile with the
 * query cells' mean profile, over the genes both data sets measured; null when it cannot be
 * measured. Costs profiles, not cells.
 */
export function controlSimilarity(
  queryAtlas: OpenAtlas,
  queryGroups: readonly CellGroup[],
): ControlSimilarity {
  const queryProfile = pooledProfile(queryAtlas, queryGroups);
  const shared = new Map<OpenAtlas, ReturnType<typeof sharedGenes>>();
  const known = new Map<string, number | null>();
  const profiles = new Map<string, Float64Array>();

  const keyOf = (controls: readonly CellGroup[]): string =>
    controls.map(({ group_id }) => group_id).join(" ");

  function profileOf(atlas: OpenAtlas, controls: readonly CellGroup[]): Float64Array {
    const profile = profiles.get(keyOf(controls)) ?? pooledProfile(atlas, controls);
    profiles.set(keyOf(controls), profile);
    return profile;
  }

  function measure(atlas: OpenAtlas, controls: readonly CellGroup[]): number | null {
    const profile = profileOf(atlas, controls);
    if (atlas === queryAtlas) {
      const similarity = pearson(profile, queryProfile);
      return Number.isNaN(similarity) ? null : similarity;
    }
    const genes = shared.get(atlas) ?? sharedGenes(atlas, queryAtlas);
    shared.set(atlas, genes);
    const similarity = pearson(pick(profile, genes.from), pick(queryProfile, genes.to));
    return Number.isNaN(similarity) ? null : similarity;
  }

  function once(key: string, work: () => number | null): number | null {
    let similarity = known.get(key);
    if (similarity === undefined) {
      similarity = work();
      known.set(key, similarity);
    }
    return similarity;
  }

  return {
    toQuery: (atlas, controls) =>
      controls.length === 0 ? null : once(keyOf(controls), () => measure(atlas, controls)),
    between: (atlas, some, others) =>
      once([keyOf(some), keyOf(others)].toSorted().join("|"), () => {
        const similarity = pearson(profileOf(atlas, some), profileOf(atlas, others));
        return Number.isNaN(similarity) ? null : similarity;
      }),
  };
}
