import { readFileSync } from "node:fs";
import { z } from "zod";
import { ownFile } from "../../own-files.ts";
import { withCellOntology } from "./cell-ontology.ts";
import { importsFingerprint, readImports } from "./import-folder.ts";
import type { ImportedKnowledge } from "./import-folder.ts";
import { cellTypeEntrySchema, pathwayEntrySchema, perturbationEntrySchema } from "./knowledge.ts";
import type { CellTypeEntry, Knowledge } from "./knowledge.ts";
import { labelKey } from "./tokens.ts";

let curated: Knowledge | undefined;
let whole: Knowledge | undefined;
let extended: { readonly fingerprint: string; readonly knowledge: Knowledge } | undefined;

/** The curated knowledge of data/ alone, frozen. Throws a ZodError when a data file is damaged. */
export function curatedKnowledge(): Knowledge {
  curated ??= deepFreeze({
    cellTypes: z.array(cellTypeEntrySchema).parse(dataFile("cell-types")),
    perturbations: z
      .array(perturbationEntrySchema)
      .parse(["perturbations", "environments", "ligands"].flatMap(dataFile))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    pathways: z.array(pathwayEntrySchema).parse(dataFile("pathways")),
  });
  return curated;
}

/**
 * The curated knowledge in the whole Cell Ontology, and beside it what was imported into `folder`,
 * frozen and kept until something else is imported. Throws a ZodError when a data file is damaged,
 * FILE_DAMAGED for an imported one.
 */
export function loadKnowledge(folder?: string): Knowledge {
  whole ??= deepFreeze({
    ...curatedKnowledge(),
    cellTypes: withCellOntology(curatedKnowledge().cellTypes),
  });
  const fingerprint = folder === undefined ? "" : importsFingerprint(folder);
  if (folder === undefined || fingerprint === "") return whole;
  if (extended?.fingerprint !== fingerprint)
    extended = { fingerprint, knowledge: deepFreeze(extend(whole, readImports(folder))) };
  return extended.knowledge;
}

/**
 * Curated entries stay as they are, but for further synonyms of cell types. Imported cell types and
 * gene sets follow them; a set whose id is taken gets the name of its import before it.
 */
function extend(base: Knowledge, imports: readonly ImportedKnowledge[]): Knowledge {
  const cellTypes = new Map(base.cellTypes.map((entry) => [entry.id, entry]));
  const known = new Set(
    base.cellTypes.flatMap(({ name, synonyms, cell_lines }) =>
      [name, ...synonyms, ...cell_lines].map(labelKey),
    ),
  );
  const pathways = [...base.pathways];
  const ids = new Set(pathways.map(({ id }) => id));
  for (const { name, cell_types, pathways: sets } of imports) {
    for (const entry of cell_types) {
      const present = cellTypes.get(entry.id);
      cellTypes.set(entry.id, present === undefined ? entry : withSynonyms(present, entry, known));
    }
    for (const set of sets) {
      const id = ids.has(set.id) ? `${name}:${set.id}` : set.id;
      ids.add(id);
      pathways.push({ ...set, id });
    }
  }
  return { cellTypes: [...cellTypes.values()], perturbations: base.perturbations, pathways };
}

/** The gene sets of `knowledge` that its user imported. */
export function importedSets({ pathways }: Knowledge): Knowledge["pathways"] {
  return pathways.slice(curatedKnowledge().pathways.length);
}

function withSynonyms(
  entry: CellTypeEntry,
  imported: CellTypeEntry,
  known: ReadonlySet<string>,
): CellTypeEntry {
  const further = [imported.name, ...imported.synonyms].filter(
    (name) => !known.has(labelKey(name)),
  );
  return further.length === 0 ? entry : { ...entry, synonyms: [...entry.synonyms, ...further] };
}

function dataFile(name: string): readonly unknown[] {
  return JSON.parse(
    readFileSync(ownFile(`science/knowledge/data/${name}.json`), "utf8"),
  ) as unknown[];
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
