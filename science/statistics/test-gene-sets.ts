import type { DifferentialExpression, EnrichedPathway } from "../grounding/grounding.ts";
import { allGeneSets, LEAST_GENES, type GeneSet } from "../knowledge/gene-sets.ts";
import { enrichment, measuredGenes } from "./enrichment.ts";

const SIGNIFICANT = 0.05;
/** As many at least are handed on, so that a reader sees what just missed. */
const LEAST_ROWS = 100;
/** A set says the same as another that has this share of its changed genes. */
const SAME = 0.5;

export interface TestedGeneSets {
  /** Most significant first: all below 0.05, and the next of the others up to 100 in all. */
  readonly enriched: readonly EnrichedPathway[];
  readonly gene_sets_tested: number;
}

/**
 * Over-representation of the changed genes in the shipped gene sets with 10 measured genes or more,
 * and beside them in the user's own of any size; one correction over all (see enrichment).
 */
export function testGeneSets(
  de: DifferentialExpression,
  imported: readonly GeneSet[],
): TestedGeneSets {
  const measured = measuredGenes(de.genes);
  const shipped = allGeneSets();
  const taken = new Set(shipped.map(({ id }) => id));
  const own = imported
    .filter((set) => measured.of(set).length > 0)
    .map((set) => (taken.has(set.id) ? { ...set, id: `imported:${set.id}` } : set));
  const sets = [...shipped.filter((set) => measured.of(set).length >= LEAST_GENES), ...own];
  const rows = enrichment(de, sets);
  const significant = rows.filter(({ p_adjusted }) => p_adjusted < SIGNIFICANT);
  return {
    enriched: [
      ...markAlike(significant, new Set(own.map(({ id }) => id))),
      ...rows.slice(significant.length, LEAST_ROWS),
    ],
    gene_sets_tested: sets.length,
  };
}

/**
 * Names the set that stands for each row, where one above it holds half of its changed genes; the
 * user's own stand for themselves.
 */
function markAlike(rows: readonly EnrichedPathway[], own: ReadonlySet<string>): EnrichedPathway[] {
  const standing: { readonly row: EnrichedPathway; readonly genes: ReadonlySet<string> }[] = [];
  return rows.map((row) => {
    const found = standing.find(
      ({ row: { direction }, genes }) =>
        direction === row.direction &&
        row.genes.filter((gene) => genes.has(gene)).length >= SAME * row.genes.length,
    );
    if (found !== undefined && !own.has(row.id)) return { ...row, alike: found.row.id };
    standing.push({ row, genes: new Set(row.genes) });
    return row;
  });
}
