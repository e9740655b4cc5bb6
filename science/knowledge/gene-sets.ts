import { readFileSync } from "node:fs";
import { ownFile } from "../../own-files.ts";
import { unpackGeneSets } from "./gene-set-file.ts";

/**
 * The gene sets of public collections, whole, for what is read of a response. The grounding score
 * has its own, the curated ones (see docs/grounding-score.md).
 */

/** Gene symbols are upper case, HGNC. */
export interface GeneSet {
  readonly id: string;
  readonly name: string;
  readonly genes: readonly string[];
  readonly source: string;
}

const COLLECTIONS = {
  hallmark: "MSigDB Hallmark 2025.1",
  reactome: "Reactome 92",
  "gene-ontology": "Gene Ontology 2022-07-01, annotations of 2022-09-12",
} as const;
export type Collection = keyof typeof COLLECTIONS;

/** Of the genes of a set, measured or not: larger ones say little of what happens in a cell. */
export const MOST_GENES = 500;
/** Of the measured genes of a set: of fewer, chance cannot be told apart. */
export const LEAST_GENES = 10;

const read = new Map<Collection, readonly GeneSet[]>();

/** Read at its first use, and kept. */
export function geneSets(collection: Collection): readonly GeneSet[] {
  const known =
    read.get(collection) ??
    unpackGeneSets(readFileSync(ownFile(`science/knowledge/data/${collection}.sets.br`))).map(
      (set) => ({ ...set, source: COLLECTIONS[collection] }),
    );
  read.set(collection, known);
  return known;
}

export function allGeneSets(): readonly GeneSet[] {
  return (Object.keys(COLLECTIONS) as Collection[]).flatMap(geneSets);
}

const PAGES: readonly (readonly [RegExp, string])[] = [
  [/^R-HSA-\d+$/, "https://reactome.org/content/detail/"],
  [/^GO:\d{7}$/, "https://amigo.geneontology.org/amigo/term/"],
  [/^HALLMARK_[A-Z0-9_]+$/, "https://www.gsea-msigdb.org/gsea/msigdb/human/geneset/"],
];

/** The page of a set in its database; null where the id is of none of these. */
export function geneSetPage(id: string): string | null {
  const page = PAGES.find(([pattern]) => pattern.test(id));
  return page === undefined ? null : `${page[1]}${id}`;
}
