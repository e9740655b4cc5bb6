import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { z } from "zod";
import { ownFile } from "../../own-files.ts";
import type { CellTypeEntry } from "./knowledge.ts";
import { labelKey } from "./tokens.ts";

/** The whole Cell Ontology, as vocabularies/build.ts writes it: names, exact synonyms and is_a. */

const termSchema = z.object({
  id: z.string(),
  name: z.string(),
  synonyms: z.array(z.string()),
  parents: z.array(z.string()),
});
type Term = z.infer<typeof termSchema>;

const RELEASE = "2026-03-26";

/**
 * All cell types of the ontology, sorted by id; a curated one adds its synonyms, cell lines, markers
 * and shorter ways to its ancestors. A name belongs to its term, a curated synonym to its entry;
 * what else two terms claim belongs to neither.
 */
export function withCellOntology(curated: readonly CellTypeEntry[]): CellTypeEntry[] {
  const terms = readTerms();
  const entries = new Map(curated.map((entry) => [entry.id, entry]));
  const owners = new Map<string, string | null>();
  for (const { id, name } of terms) owners.set(labelKey(name), id);
  for (const { id, synonyms, cell_lines } of curated)
    for (const text of [...synonyms, ...cell_lines]) owners.set(labelKey(text), id);
  const settled = new Set(owners.keys());
  for (const { id, synonyms } of terms)
    for (const key of synonyms.map(labelKey))
      if (!settled.has(key)) owners.set(key, (owners.get(key) ?? id) === id ? id : null);

  return terms.map((term): CellTypeEntry => {
    const own = term.synonyms.filter((text) => owners.get(labelKey(text)) === term.id);
    const entry = entries.get(term.id);
    return entry === undefined
      ? {
          ...term,
          synonyms: own,
          tissues: [],
          markers: [],
          cell_lines: [],
          source: `Cell Ontology ${term.id}, release ${RELEASE}`,
        }
      : {
          ...entry,
          synonyms: [...new Set([...entry.synonyms, ...own])],
          parents: [...new Set([...entry.parents, ...term.parents])],
        };
  });
}

function readTerms(): Term[] {
  const packed = readFileSync(ownFile("science/knowledge/data/cell-ontology.json.br"));
  return z.array(termSchema).parse(JSON.parse(brotliDecompressSync(packed).toString("utf8")));
}
