import { HaystackError } from "../../errors.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";

/** Rows compared. */
const COMPARED = 64;

/** How whole numbers of another slot relate to those of X. */
export interface BesideX {
  readonly differs: boolean;
  /** Genes that X lacks. */
  readonly more: number;
}

/**
 * Compares X with counts in a layer or raw/X by the first rows, and the genes that both have. Null
 * where that would read a matrix stored by genes, where parts of one are not there, or genes share a
 * name.
 */
export function besideX(file: H5adFile, X: Slot, other: Slot): BesideX | null {
  if (X.layout === "csc" || other.layout === "csc") return null;
  if ([X, other].some(({ name }) => file.notStored?.(name) !== undefined)) return null;
  try {
    return compared(file, X, other);
  } catch (thrown) {
    // A part that an import does without may be damaged.
    if (thrown instanceof HaystackError) return null;
    throw thrown;
  }
}

function compared(file: H5adFile, X: Slot, other: Slot): BesideX | null {
  const [own, others] = [file.index("var"), genesOf(file, other)];
  const placeOf = new Map(others.map((name, gene) => [name, gene]));
  if (placeOf.size < others.length || new Set(own).size < own.length) return null;
  const shared = own.map((name) => placeOf.get(name) ?? -1);
  const inX = new Set(shared);
  const [mine, theirs] = [X, other].map((slot) =>
    file.rows(slot, 0, Math.min(COMPARED, slot.nRows)),
  );
  if (mine === undefined || theirs === undefined) return null;
  let differs = false;
  for (let row = 0; row < mine.nRows && !differs; row += 1) {
    const values = valuesOf(theirs, row, (gene) => (inX.has(gene) ? gene : -1));
    const seen = valuesOf(mine, row, (gene) => shared[gene] ?? -1);
    differs =
      seen.size !== values.size ||
      seen.entries().some(([gene, value]) => values.get(gene) !== value);
  }
  return { differs, more: others.length - shared.filter((gene) => gene >= 0).length };
}

const genesOf = (file: H5adFile, { name }: Slot): readonly string[] =>
  file.index(name === "raw/X" ? "raw/var" : "var");

/** The values of a row that are not zero, by the place of their gene, where that is not -1. */
function valuesOf(
  { data, indices, indptr }: ReturnType<H5adFile["rows"]>,
  row: number,
  placeOf: (gene: number) => number,
): Map<number, number> {
  const values = new Map<number, number>();
  for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at += 1) {
    const gene = placeOf(indices[at] as number);
    const value = Math.round(data[at] as number);
    if (gene >= 0 && value !== 0) values.set(gene, (values.get(gene) ?? 0) + value);
  }
  return values;
}
