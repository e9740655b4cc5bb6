import type { DifferentialExpression, EnrichedPathway } from "../grounding/grounding.ts";
import type { GeneSet } from "../knowledge/gene-sets.ts";
import type { Direction } from "../query/structured-query.ts";
import { benjaminiHochberg } from "./benjamini-hochberg.ts";
import { geneSymbol } from "./gene-symbol.ts";
import { hypergeometricUpperTail } from "./hypergeometric.ts";

const DIRECTIONS: readonly Direction[] = ["up", "down"];

/** Finds the measured genes of a set; each name is looked at once, however many sets have it. */
export function measuredGenes(genes: readonly string[]) {
  const symbols = new Set(genes.map((gene) => geneSymbol(gene)));
  const known = new Map<string, string | null>();
  const look = (gene: string): string | null => {
    const symbol = geneSymbol(gene);
    const found = symbols.has(symbol) ? symbol : null;
    known.set(gene, found);
    return found;
  };
  return {
    count: symbols.size,
    of(set: GeneSet): string[] {
      const members = new Set<string>();
      for (const gene of set.genes) {
        const symbol = known.get(gene) ?? (known.has(gene) ? null : look(gene));
        if (symbol !== null) members.add(symbol);
      }
      return [...members];
    },
  };
}

/**
 * Hypergeometric over-representation of the up and the down DE genes in each pathway. The
 * background is the measured genes; `pathway_size` counts the measured genes of the pathway.
 * Symbols are compared by geneSymbol. Benjamini-Hochberg runs over all tests of pathways with at
 * least one measured gene, both directions together. Rows with no overlap are left out; the rest is
 * ordered by adjusted p, then overlap, then id.
 */
export function enrichment(
  de: DifferentialExpression,
  pathways: readonly GeneSet[],
): EnrichedPathway[] {
  const measured = measuredGenes(de.genes);
  const byDirection: Record<Direction, Set<string>> = { up: new Set(), down: new Set() };
  de.genes.forEach((gene, i) => {
    if (de.is_de[i] === 1)
      byDirection[de.log2_fold_change[i]! > 0 ? "up" : "down"].add(geneSymbol(gene));
  });

  const tests = pathways.flatMap((pathway) => {
    const members = measured.of(pathway);
    if (members.length === 0) return [];
    return DIRECTIONS.map((direction) => {
      const genes = members.filter((gene) => byDirection[direction].has(gene));
      const p = hypergeometricUpperTail(
        genes.length,
        measured.count,
        members.length,
        byDirection[direction].size,
      );
      return { pathway, direction, genes, size: members.length, p };
    });
  });
  const adjusted = benjaminiHochberg(tests.map((test) => test.p));
  return tests
    .map(({ pathway, direction, genes, size }, i) => ({
      id: pathway.id,
      name: pathway.name,
      direction,
      overlap: genes.length,
      pathway_size: size,
      p_adjusted: adjusted[i]!,
      genes,
      source: pathway.source,
    }))
    .filter((row) => row.overlap > 0)
    .toSorted(
      (x, y) =>
        x.p_adjusted - y.p_adjusted ||
        y.overlap - x.overlap ||
        Number(x.id > y.id) - Number(x.id < y.id),
    );
}
