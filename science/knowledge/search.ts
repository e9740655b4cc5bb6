import type { CellTypeEntry, Knowledge, PerturbationEntry } from "./knowledge.ts";
import { resolveCellTypeLabel, resolvePerturbationLabel, type Resolved } from "./resolve.ts";
import { labelKey } from "./tokens.ts";

/** Whether a label of an atlas, with the id that it was given there, is what somebody looks for. */
export type LabelSearch = (label: string, id: string | null) => boolean;

/**
 * Finds by any part of the label or of its id, and by every name that the knowledge has for it: the
 * name as it is looked for, in any spelling; else, as nobody has such a name, a part of one. All
 * when nothing is looked for.
 */
export const cellTypeSearch = (wanted: string, knowledge: Knowledge): LabelSearch =>
  searchIn(wanted, knowledge.cellTypes, resolveCellTypeLabel(wanted, knowledge));

/** As cellTypeSearch. */
export const perturbationSearch = (wanted: string, knowledge: Knowledge): LabelSearch =>
  searchIn(wanted, knowledge.perturbations, resolvePerturbationLabel(wanted, knowledge));

type Named = Pick<CellTypeEntry | PerturbationEntry, "id" | "name" | "synonyms">;

const keysOf = new WeakMap<Named, readonly string[]>();

function keys(entry: Named): readonly string[] {
  const known = keysOf.get(entry) ?? [entry.name, ...entry.synonyms].map(labelKey);
  keysOf.set(entry, known);
  return known;
}

function searchIn(
  wanted: string,
  entries: readonly Named[],
  meant: Resolved<Named> | null,
): LabelSearch {
  const text = wanted.toLowerCase();
  const key = labelKey(wanted);
  const isPart = (name: string): boolean => key !== "" && name.includes(key);
  const parts =
    meant === null || meant.match === "spelling"
      ? entries.filter((entry) => keys(entry).some(isPart))
      : [];
  const found = new Set([...parts, ...(meant === null ? [] : [meant.entry])].map(({ id }) => id));
  return (label, id) =>
    label.toLowerCase().includes(text) ||
    isPart(labelKey(label)) ||
    (id !== null && (found.has(id) || id.toLowerCase().includes(text)));
}
