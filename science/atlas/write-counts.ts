import { HaystackError } from "../../errors.ts";
import type { CsrMatrix } from "../anndata/anndata.ts";
import type { H5adFile, RowBlock } from "../anndata/open.ts";
import type { CountsSource } from "./choose-slot.ts";
import { cellCounts } from "./counts.ts";
import type { SlotGenes } from "./genes.ts";
import type { CellScratch } from "./cell-scratch.ts";

/**
 * Above this share of cells that cannot be brought back to whole counts, the values are not log1p
 * of counts.
 */
const ROUNDED_SHARE = 0.01;

/** Each cell's group, -1 for none, and where the cells wait for their shards. */
export interface GroupedCells {
  readonly groupOf: Int32Array;
  readonly scratch: CellScratch;
}

export interface CountedCells {
  readonly cells: number;
  /** Cells without any counts. */
  readonly zeroCells: number;
  /** Cells whose whole counts could not be recovered exactly. */
  readonly rounded: number;
}

/**
 * Streams over the matrix once, checks every value, brings it to counts and writes the cells of the
 * groups to the scratch file.
 * @throws COUNTS_INVALID naming the first value that is none, its cell and gene
 */
export function writeCounts(
  file: H5adFile,
  source: CountsSource,
  { genes, positions: merged }: Pick<SlotGenes, "genes" | "positions">,
  { groupOf, scratch }: GroupedCells,
): CountedCells {
  const { slot, kind, logBase } = source;
  let zeroCells = 0;
  let rounded = 0;
  let cells = 0;
  const isWanted = (start: number, stop: number): boolean =>
    groupOf.subarray(start, stop).some((group) => group >= 0);
  for (const block of file.blocks(slot, undefined, isWanted)) {
    const rows = Int32Array.from({ length: block.X.nRows }, (_, i) => block.start + i).filter(
      (row) => (groupOf[row] ?? -1) >= 0,
    );
    const data = new Float32Array(block.X.data.length);
    const indices = new Int32Array(block.X.data.length);
    const indptr = new Int32Array(rows.length + 1);
    let end = 0;
    for (const [cell, row] of rows.entries()) {
      const { values, positions } = storedValues(block, row);
      const { counts, bad, exact } = cellCounts(values, kind, logBase);
      if (bad >= 0) {
        const gene = positions[bad] ?? -1;
        const place = `cell ${file.index("obs")[row]} and gene ${genes[merged?.[gene] ?? gene] ?? "none"}`;
        throw badValue(file, source, place, values[bad]);
      }
      const placed = placeCell({ counts, positions }, merged, {
        data: data.subarray(end),
        indices: indices.subarray(end),
      });
      end += placed;
      indptr[cell + 1] = end;
      if (placed === 0) zeroCells += 1;
      if (!exact) rounded += 1;
    }
    cells += rows.length;
    scratch.add(
      rows,
      {
        nRows: rows.length,
        nCols: genes.length,
        data: data.subarray(0, end),
        indices: indices.subarray(0, end),
        indptr,
      },
      groupOf,
    );
  }
  return { cells, zeroCells, rounded };
}

/** @throws COUNTS_INVALID where too many cells of the whole file had to be rounded */
export function checkRounded({ cells, rounded }: CountedCells, slot: string, path: string): void {
  if (rounded <= ROUNDED_SHARE * cells) return;
  const message = `${slot} in ${path} looks log-normalised, but ${rounded} of ${cells} cells cannot be converted back to whole counts; keep the raw counts in adata.layers["counts"] or adata.raw and write the file again.`;
  throw new HaystackError("COUNTS_INVALID", message);
}

/** The values of a row that are not zero, and their genes. */
function storedValues(
  { start, X }: RowBlock,
  row: number,
): { readonly values: Float32Array; readonly positions: Int32Array } {
  const from = X.indptr[row - start] as number;
  const to = X.indptr[row - start + 1] as number;
  const values = X.data.subarray(from, to);
  const positions = X.indices.subarray(from, to);
  if (!values.includes(0)) return { values, positions };
  return {
    values: values.filter((value) => value !== 0),
    positions: positions.filter((_, i) => values[i] !== 0),
  };
}

interface Cell {
  readonly counts: Float32Array;
  readonly positions: Int32Array;
}

/**
 * Puts a cell's counts at the beginning of `room` and says how many; genes that `merged` gives the
 * same position are added up, those that it gives none are left out.
 */
function placeCell(
  { counts, positions }: Cell,
  merged: Int32Array | null,
  { data, indices }: Pick<CsrMatrix, "data" | "indices">,
): number {
  if (merged === null) {
    data.set(counts);
    indices.set(positions);
    return counts.length;
  }
  const order = Array.from(positions, (gene, at) => ({
    gene: merged[gene] as number,
    at,
  }))
    .filter(({ gene }) => gene >= 0)
    .toSorted((a, b) => a.gene - b.gene);
  let n = 0;
  for (const { gene, at } of order) {
    const isSame = n > 0 && indices[n - 1] === gene;
    if (!isSame) n += 1;
    data[n - 1] = (isSame ? (data[n - 1] as number) : 0) + (counts[at] as number);
    indices[n - 1] = gene;
  }
  return n;
}

function badValue(
  file: H5adFile,
  { slot, kind }: CountsSource,
  place: string,
  value: number | undefined,
): HaystackError {
  const what = kind === "counts" ? "a count" : "the logarithm of a count";
  const message = `${slot.name} in ${file.path} holds ${value} for ${place}, which is not ${what}; correct the value or keep raw counts in adata.layers["counts"].`;
  return new HaystackError("COUNTS_INVALID", message);
}
