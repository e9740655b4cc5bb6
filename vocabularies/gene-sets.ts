import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { packGeneSets, type NamedGenes } from "../science/knowledge/gene-set-file.ts";
import { LEAST_GENES, MOST_GENES, type Collection } from "../science/knowledge/gene-sets.ts";
import { geneSymbol } from "../science/statistics/gene-symbol.ts";

/**
 * Writes the gene sets of science/knowledge/data from the files of their databases, which lie in
 * FOLDER:
 *
 *     node vocabularies/gene-sets.ts FOLDER
 *
 * From these files it writes the same bytes again. Nothing runs it at install.
 */

/** By name: where the file comes from, its SHA-256, and how many sets it holds. */
const FILES = {
  /** https://data.broadinstitute.org/gsea-msigdb/msigdb/release/2025.1.Hs/h.all.v2025.1.Hs.symbols.gmt */
  "h.all.v2025.1.Hs.symbols.gmt":
    "f22066af72e215ccb7b89d88e492c07e1eef17534c2ca7b0f9902cfecbbdd8e9",
  /** https://download.reactome.org/92/ReactomePathways.gmt.zip */
  "ReactomePathways.gmt": "2b7a1f9db143cf19dd1483a612831e8a5a548b5c6937ac6f9b0afb2e3b7d2438",
  /** extdata of Bioconductor's GO.db 3.16.0; Debian has it as r-bioc-go.db */
  "GO.sqlite": "b36edf3e7ba7d5869e587651107421c4f5c4444037cb18e26cd2687698e4a0d0",
  /** extdata of Bioconductor's org.Hs.eg.db 3.16.0; Debian has it as r-bioc-org.hs.eg.db */
  "org.Hs.eg.sqlite": "bba36057dd3100a099e8054511b34d831349761971829a72b84859d2efe34605",
};
/** What the databases say that they hold. */
const WHOLE: Readonly<Record<Collection, number>> = {
  hallmark: 50,
  reactome: 2751,
  "gene-ontology": 15_975,
};

const folder = resolve(process.argv[2] ?? "packages");
const data = new URL("../science/knowledge/data/", import.meta.url);

function checked(name: keyof typeof FILES): string {
  const path = join(folder, name);
  const found = createHash("sha256").update(readFileSync(path)).digest("hex");
  if (found !== FILES[name])
    throw new Error(`${path} has the SHA-256 ${found} instead of ${FILES[name]}.`);
  return path;
}

/** Names of human genes are upper case but for C1orf112; others are of viruses ("tat", "gag"). */
const isHuman = (gene: string): boolean => /^[A-Z0-9][A-Z0-9.-]*(?:orf\d[\w.-]*)?$/.test(gene);

function gmt(
  name: keyof typeof FILES,
  set: (first: string, second: string) => { readonly id: string; readonly name: string },
): NamedGenes[] {
  return readFileSync(checked(name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [first = "", second = "", ...genes] = line.split("\t");
      return { ...set(first, second), genes: genes.filter(isHuman) };
    });
}

/** How the titles of MSigDB are written out. */
const WRITTEN: Readonly<Record<string, string>> = {
  DN: "down",
  DNA: "DNA",
  E2F: "E2F",
  G2M: "G2/M",
  IL2: "IL-2",
  IL6: "IL-6",
  JAK: "JAK",
  KRAS: "KRAS",
  MTORC1: "mTORC1",
  MYC: "MYC",
  NFKB: "NF-kB",
  NOTCH: "Notch",
  P53: "p53",
  PI3K: "PI3K",
  AKT: "AKT",
  MTOR: "mTOR",
  STAT3: "STAT3",
  STAT5: "STAT5",
  TGF: "TGF",
  TNFA: "TNF-alpha",
  UV: "UV",
  V1: "version 1",
  V2: "version 2",
  WNT: "Wnt",
};

function hallmarkTitle(id: string): string {
  return capital(
    id
      .replace(/^HALLMARK_/, "")
      .split("_")
      .map((word) => WRITTEN[word] ?? word.toLowerCase())
      .join(" "),
  );
}

/** "mRNA ..." and "tRNA ..." stay as they are. */
const capital = (text: string): string =>
  /^[a-z][a-z]/.test(text) ? text.slice(0, 1).toUpperCase() + text.slice(1) : text;

/** Biological processes with the genes of the term and of all terms below it (is_a, part_of). */
function biologicalProcesses(): NamedGenes[] {
  const terms = new DatabaseSync(checked("GO.sqlite"), { readOnly: true });
  const names = new Map(
    terms
      .prepare("SELECT go_id, term FROM go_term WHERE ontology = 'BP'")
      .all()
      .map(({ go_id, term }) => [String(go_id), String(term)]),
  );
  const genes = new DatabaseSync(checked("org.Hs.eg.sqlite"), { readOnly: true });
  const annotated = genes
    .prepare(
      // ND: no data, the mark of a gene that was looked at and of which nothing is known.
      "SELECT DISTINCT go_id, symbol FROM go_bp_all JOIN gene_info USING (_id) WHERE evidence <> 'ND'",
    )
    .all();
  return [...Map.groupBy(annotated, ({ go_id }) => String(go_id))].map(([id, rows]) => ({
    id,
    name: capital(names.get(id) ?? id),
    genes: rows.map(({ symbol }) => String(symbol)),
  }));
}

const collections: Readonly<Record<Collection, readonly NamedGenes[]>> = {
  hallmark: gmt("h.all.v2025.1.Hs.symbols.gmt", (id) => ({ id, name: hallmarkTitle(id) })),
  reactome: gmt("ReactomePathways.gmt", (name, id) => ({ id, name: name.trim() })),
  "gene-ontology": biologicalProcesses(),
};
for (const [name, sets] of Object.entries(collections)) {
  const whole = WHOLE[name as Collection];
  if (sets.length !== whole)
    throw new Error(`${name} has ${sets.length} sets instead of the ${whole} of its release.`);
  const tested = sets
    .map((set) => ({ ...set, genes: [...new Set(set.genes.map(geneSymbol))] }))
    .filter(({ genes }) => genes.length >= LEAST_GENES && genes.length <= MOST_GENES);
  const bytes = packGeneSets(tested);
  writeFileSync(new URL(`${name}.sets.br`, data), bytes);
  process.stdout.write(
    `${name}: ${tested.length} of ${sets.length} sets, ${new Set(tested.flatMap(({ genes }) => genes)).size} genes, ${bytes.length} bytes\n`,
  );
}
