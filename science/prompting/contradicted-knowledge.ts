import type { OpenAtlas } from "../atlas/atlas-index.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { isAskedPerturbation, perturbedGroups } from "./retrieval.ts";

/** Where the measured cells of an atlas go against what the curated knowledge expects of them. */

type Contradicted = NonNullable<StructuredQuery["contradicted"]>;

/** Cells on either side whose mean says something of a direction. */
const LEAST_CELLS = 20;
/** In log1p of counts per 10,000: less is no direction. */
const LEAST_CHANGE = 0.1;
const LEAST_GENES = 5;
/** The largest tell enough. */
const MOST_GROUPS = 40;
const SIGNIFICANT = 0.01;

/**
 * The expected genes that change the other way under the asked perturbation, in whichever cells of
 * the atlases were given it: means over cell types and donors, each against its own control.
 * Undefined where they are no majority, or a coin would do as well (one-sided sign test, P < 0.01).
 */
export function contradictedKnowledge(
  query: StructuredQuery,
  atlases: readonly OpenAtlas[],
): Contradicted | undefined {
  if (query.expected_targets.length < LEAST_GENES) return undefined;
  const measured = perturbedGroups(atlases)
    .filter(
      ({ group, control }) =>
        isAskedPerturbation(query, group) &&
        control !== null &&
        Math.min(group.n_cells, control.n_cells) >= LEAST_CELLS,
    )
    .toSorted((a, b) => b.group.n_cells - a.group.n_cells)
    .slice(0, MOST_GROUPS);
  const wanted = new Set(query.expected_targets.map(({ gene }) => gene));
  const columns = new Map(
    [...new Set(measured.map(({ atlas }) => atlas))].map((atlas) => [
      atlas,
      new Map(
        atlas.index.genes.flatMap((name, at) => {
          const gene = geneSymbol(name);
          return wanted.has(gene) ? [[gene, at] as const] : [];
        }),
      ),
    ]),
  );
  const changes = query.expected_targets.flatMap(({ gene, direction }) => {
    const deltas = measured.flatMap(({ atlas, group, control }) => {
      const at = columns.get(atlas)?.get(gene);
      if (at === undefined || control === null) return [];
      const [treated, untreated] = [group, control].map(
        ({ group_id }) => atlas.profile(group_id)[at] ?? 0,
      ) as [number, number];
      return [treated - untreated];
    });
    const mean = deltas.reduce((sum, delta) => sum + delta, 0) / Math.max(1, deltas.length);
    return Math.abs(mean) < LEAST_CHANGE
      ? []
      : [{ gene, isOpposite: mean > 0 !== (direction === "up") }];
  });
  const opposite = changes.filter(({ isOpposite }) => isOpposite).map(({ gene }) => gene);
  const p = signTest(opposite.length, changes.length);
  if (changes.length < LEAST_GENES || 2 * opposite.length <= changes.length || p >= SIGNIFICANT)
    return undefined;
  return {
    genes: opposite,
    of: changes.length,
    p_value: p,
    cell_types: [...new Set(measured.map(({ group }) => group.cell_type))].toSorted(),
  };
}

/** P of at least `k` heads of `n` tosses. */
export function signTest(k: number, n: number): number {
  let term = 0.5 ** n;
  let upper = 0;
  for (let heads = 0; heads <= n; heads += 1) {
    if (heads >= k) upper += term;
    term *= (n - heads) / (heads + 1);
  }
  return Math.min(1, upper);
}
