import type { EnrichedPathway } from "../grounding/grounding.ts";
import { geneSetPage, LEAST_GENES, MOST_GENES } from "../knowledge/gene-sets.ts";
import { groupDigits, plural } from "./wording.ts";

const LISTED = 30;
const SIGNIFICANT = 0.05;
/** As mice write them: "Ifit1". */
const MOUSE_SYMBOL = /^[A-Z][a-z]/;

export interface ListedPathway extends EnrichedPathway {
  /** In its database; null where none is known. */
  readonly page: string | null;
  /** Significant sets with mostly the same changed genes, for which it stands. */
  readonly standsFor: number;
}

/** The significant sets that stand for themselves, those of them that are listed, and what to know of both. */
export function enrichedPathways(
  {
    enriched,
    gene_sets_tested: tested,
  }: { readonly enriched: readonly EnrichedPathway[]; readonly gene_sets_tested?: number },
  measured: readonly string[],
): {
  readonly standing: readonly EnrichedPathway[];
  readonly listed: readonly ListedPathway[];
  readonly notes: readonly string[];
} {
  const significant = enriched.filter(({ p_adjusted }) => p_adjusted < SIGNIFICANT);
  const standing = significant.filter(({ alike }) => alike === undefined);
  const listed = standing.slice(0, LISTED).map((pathway) => ({
    ...pathway,
    page: geneSetPage(pathway.id),
    standsFor: significant.filter(
      ({ alike, direction }) => alike === pathway.id && direction === pathway.direction,
    ).length,
  }));
  const notes =
    tested === undefined
      ? []
      : [
          `${plural(tested, "gene set")} with ${LEAST_GENES} measured genes or more and ${MOST_GENES} at most, and imported ones of any size, were tested in both directions; ${groupDigits(significant.length)} results have an adjusted p below 0.05.`,
        ];
  const alike = significant.length - standing.length;
  if (alike > 0)
    notes.push(
      `${groupDigits(alike)} of them ${alike === 1 ? "holds" : "hold"} mostly the same changed genes as a more significant one and ${alike === 1 ? "counts" : "count"} with it as alike; the predictions file and the log have all.`,
    );
  if (standing.length > listed.length)
    notes.push(`Of the other ${groupDigits(standing.length)}, ${listed.length} are listed.`);
  if (measured.filter((gene) => MOUSE_SYMBOL.test(gene)).length > measured.length / 2)
    notes.push(
      "The genes are named as those of mice; the sets are of human genes, and a gene counts as the human one of the same name.",
    );
  return { standing, listed, notes };
}
