import { HaystackError } from "../../errors.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";

/** Rows compared, from as many places of the matrix. */
const ROWS = 16;
const PLACES = 4;

/** How whole numbers of another slot relate to those of X. */
export interface BesideX {
  readonly differs: boolean;
  /** Genes that X lacks, as far as both call them alike. */
  readonly more: number;
}

/**
 * Compares X with counts in a layer or raw/X by some rows and the genes that both have; where they
 * are stored by genes, by the values stored. Null where neither can be done, or parts of one are not
 * there.
 */
export function besideX(file: H5adFile, X: Slot, other: Slot): BesideX | null {
  if ([X, other].some(({ name }) => file.notStored?.(name) !== undefined)) return null;
  try {
    return X.layout === "csc" || other.layout === "csc"
      ? comparedByGenes(file, X, other)
      : comparedByRows(file, X, other);
  } catch (thrown) {
    // A part that an import does without may be damaged.
    if (thrown instanceof HaystackError) return null;
    throw thrown;
  }
}

function comparedByGenes(file: H5adFile, X: Slot, other: Slot): BesideX | null {
  if (X.layout !== other.layout || !isSame(file.index("var"), genesOf(file, other))) return null;
  const [mine, theirs] = [file.sample(X), file.sample(other)];
  return {
    differs: mine.length !== theirs.length || mine.some((value, at) => value !== theirs[at]),
    more: 0,
  };
}

function comparedByRows(file: H5adFile, X: Slot, other: Slot): BesideX | null {
  const [own, others] = [file.index("var"), genesOf(file, other)];
  const placeOf = new Map(others.map((name, gene) => [name, gene]));
  const areUnique = placeOf.size === others.length && new Set(own).size === own.length;
  if (!areUnique && !isSame(own, others)) return null;
  const shared = own.map((name, gene) => (areUnique ? (placeOf.get(name) ?? -1) : gene));
  const inX = new Set(shared);
  inX.delete(-1);
  // Ids in one and symbols in the other: none can be compared.
  if (inX.size === 0) return null;
  const starts = Array.from({ length: PLACES }, (_, at) => Math.floor((at * X.nRows) / PLACES));
  const differs = starts.some((start) => {
    const stop = Math.min(start + ROWS, X.nRows);
    const [mine, theirs] = [file.rows(X, start, stop), file.rows(other, start, stop)];
    return Array.from({ length: mine.nRows }, (_, row) => row).some((row) => {
      const values = valuesOf(theirs, row, (gene) => (inX.has(gene) ? gene : -1));
      const seen = valuesOf(mine, row, (gene) => shared[gene] ?? -1);
      return (
        seen.size !== values.size ||
        seen.entries().some(([gene, value]) => values.get(gene) !== value)
      );
    });
  });
  const areAlike = 2 * inX.size > own.length;
  return { differs, more: areAlike ? others.length - inX.size : 0 };
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, gene) => name === b[gene]);

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
