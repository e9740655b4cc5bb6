import type { Knowledge } from "../knowledge/knowledge.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import type { TopGene } from "./grounding.ts";
import type { LiteratureFinding } from "./literature-support.ts";

const EXPECTED_GENES = 12;
const PREDICTED_GENES = 8;
const PATHWAYS = 4;
const CELL_NAMES = 3;

export interface LiteratureSearch {
  readonly perturbation: { readonly name: string; readonly synonyms: readonly string[] };
  readonly subjects: readonly { readonly kind: "gene" | "pathway"; readonly name: string }[];
}

/**
 * What to search the literature for: the genes expected most reliably, those predicted to move
 * most, and the expected pathways.
 */
export function literatureSearch(
  query: StructuredQuery,
  topGenes: readonly TopGene[],
  knowledge: Knowledge,
): LiteratureSearch {
  const entry = knowledge.perturbations.find(({ id }) => id === query.perturbation.id);
  const expected = query.expected_targets.slice(0, EXPECTED_GENES).map(({ gene }) => gene);
  const predicted = topGenes.map(({ gene }) => gene).filter((gene) => !expected.includes(gene));
  return {
    perturbation: { name: query.perturbation.name, synonyms: entry?.synonyms ?? [] },
    subjects: [
      ...[...expected, ...predicted.slice(0, PREDICTED_GENES)].map((name) => ({
        kind: "gene" as const,
        name,
      })),
      ...query.expected_pathways
        .slice(0, PATHWAYS)
        .map(({ name }) => ({ kind: "pathway" as const, name })),
    ],
  };
}

/**
 * The names by which an article may call the asked perturbation and the asked cells; these also in
 * the plural, which PubMed takes for another word.
 */
export function articleNames(
  query: StructuredQuery,
  knowledge: Knowledge,
): { readonly perturbation: readonly string[]; readonly cellType: readonly string[] } {
  const entry = knowledge.perturbations.find(({ id }) => id === query.perturbation.id);
  const cells = [query.cell_type.name, ...(query.cell_type.synonyms ?? [])].slice(0, CELL_NAMES);
  return {
    perturbation: [query.perturbation.name, ...(entry?.synonyms ?? [])],
    cellType: cells.flatMap((name) => (name.endsWith("s") ? [name] : [name, `${name}s`])),
  };
}

/** The findings of a search, as the score reads them. */
export function literatureFindings(
  found: readonly {
    readonly kind: "gene" | "pathway";
    readonly name: string;
    readonly direction: LiteratureFinding["direction"];
    readonly citations: readonly string[];
  }[],
): LiteratureFinding[] {
  return found.map(({ kind, name, direction, citations }) => ({
    gene: name,
    kind,
    direction,
    citations,
  }));
}
