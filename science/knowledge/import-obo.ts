import { HaystackError } from "../../errors.ts";
import type { CellTypeEntry } from "./knowledge.ts";

const CELL_ONTOLOGY_ID = /^CL:\d{7}$/;

interface Term {
  id: string | null;
  name: string | null;
  readonly synonyms: string[];
  readonly parents: string[];
  obsolete: boolean;
}

/**
 * The cell types of an OBO 1.2 or 1.4 file: terms with a Cell Ontology id that are not obsolete,
 * their exact synonyms and their is_a parents. Terms of other ontologies in the file are left out,
 * also as parents. Throws KNOWLEDGE_INVALID, naming the line where it can.
 */
export function parseObo(text: string, source: string): CellTypeEntry[] {
  const lines = text.split(/\r?\n/);
  if (!lines.some((line) => line.startsWith("format-version:"))) {
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `${source} is not an OBO file: it has no format-version line; download cl.obo from the Cell Ontology again.`,
    );
  }
  const terms = termsOf(lines, source).filter(
    ({ id, obsolete }) => !obsolete && id !== null && CELL_ONTOLOGY_ID.test(id),
  );
  if (terms.length === 0)
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `${source} has no term with a Cell Ontology id (CL:0000000); use cl.obo.`,
    );

  const entries = new Map<string, CellTypeEntry>();
  for (const { id, name, synonyms, parents } of terms) {
    if (id === null) continue;
    if (name === null)
      throw new HaystackError(
        "KNOWLEDGE_INVALID",
        `The term ${id} of ${source} has no name; download the file again.`,
      );
    if (entries.has(id))
      throw new HaystackError(
        "KNOWLEDGE_INVALID",
        `${source} has the term ${id} twice; download the file again.`,
      );
    entries.set(id, {
      id,
      name,
      synonyms,
      parents,
      tissues: [],
      markers: [],
      cell_lines: [],
      source: `Cell Ontology ${id}, ${source}`,
    });
  }
  for (const { id, parents } of entries.values()) {
    const missing = parents.find((parent) => !entries.has(parent));
    if (missing !== undefined)
      throw new HaystackError(
        "KNOWLEDGE_INVALID",
        `The term ${id} of ${source} is a kind of ${missing}, which the file lacks; download the whole file again.`,
      );
  }
  return [...entries.values()];
}

function termsOf(lines: readonly string[], source: string): Term[] {
  const terms: Term[] = [];
  let term: Term | null = null;
  lines.forEach((line, i) => {
    if (line.startsWith("[")) {
      term = line.startsWith("[Term]")
        ? { id: null, name: null, synonyms: [], parents: [], obsolete: false }
        : null;
      if (term !== null) terms.push(term);
      return;
    }
    if (term === null || line.trim() === "" || line.startsWith("!")) return;
    const colon = line.indexOf(":");
    if (colon < 1)
      throw new HaystackError(
        "KNOWLEDGE_INVALID",
        `Line ${i + 1} of ${source} is not a "tag: value" pair; download the file again.`,
      );
    readTag(term, line.slice(0, colon), line.slice(colon + 1).trim());
  });
  return terms;
}

function readTag(term: Term, tag: string, value: string): void {
  if (tag === "id") term.id = value;
  else if (tag === "name") term.name = value;
  else if (tag === "is_obsolete") term.obsolete = value.startsWith("true");
  else if (tag === "is_a") {
    const parent = value.split(/[\s{!]/, 1)[0] ?? "";
    if (CELL_ONTOLOGY_ID.test(parent) && !term.parents.includes(parent)) term.parents.push(parent);
  } else if (tag === "synonym") {
    const exact = /^"((?:[^"\\]|\\.)*)" EXACT\b/.exec(value)?.[1];
    if (exact !== undefined) term.synonyms.push(exact.replaceAll(/\\(.)/g, "$1"));
  }
}
