import type { RunResult } from "./result.ts";
import { deliveredIteration } from "./result.ts";

interface Reference {
  readonly text: string;
  readonly holdsFor: (result: RunResult) => boolean;
}

const isFrom =
  (source: RegExp) =>
  (result: RunResult): boolean =>
    deliveredIteration(result).enriched.some((pathway) => source.test(pathway.source));
const always = (): boolean => true;

const REFERENCES: readonly Reference[] = [
  {
    text: "Dong M et al. Stack: In-context modeling of single-cell biology. Preprint (2026).",
    holdsFor: ({ model }) => !model.is_baseline && /stack/i.test(model.name),
  },
  {
    text: "Virshup I et al. anndata: Access and store annotated data matrices. Journal of Open Source Software 9, 4371 (2024).",
    holdsFor: always,
  },
  {
    text: "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1, 80–83 (1945).",
    holdsFor: always,
  },
  {
    text: "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple testing. Journal of the Royal Statistical Society B 57, 289–300 (1995).",
    holdsFor: always,
  },
  {
    text: "Diehl AD et al. The Cell Ontology 2016: enhanced content, modularization, and ontology interoperability. Journal of Biomedical Semantics 7, 44 (2016).",
    holdsFor: ({ structured_query: { cell_type } }) => cell_type.cell_ontology_id !== null,
  },
  {
    text: "Liberzon A et al. The Molecular Signatures Database Hallmark gene set collection. Cell Systems 1, 417–425 (2015).",
    holdsFor: isFrom(/hallmark|msigdb/i),
  },
  {
    text: "Milacic M et al. The Reactome Pathway Knowledgebase 2024. Nucleic Acids Research 52, D672–D678 (2024).",
    holdsFor: isFrom(/reactome/i),
  },
  {
    text: "Ashburner M et al. Gene Ontology: tool for the unification of biology. Nature Genetics 25, 25–29 (2000).",
    holdsFor: isFrom(/gene ontology|\bGO\b/i),
  },
];

/** What a paper that uses the answer of this run should cite, beside the data it rests on. */
export const referencesOf = (result: RunResult): readonly string[] =>
  REFERENCES.filter(({ holdsFor }) => holdsFor(result)).map(({ text }) => text);
