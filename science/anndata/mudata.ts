import { HaystackError } from "../../errors.ts";
import type { Column } from "./anndata.ts";
import { frameColumns, frameIndex, readColumn, type FrameColumn } from "./frame.ts";
import type { Hdf5File } from "./hdf5.ts";
import { LargeMap } from "./large-map.ts";

/**
 * MuData (.h5mu): several AnnData of the same cells under `mod`, and what is known of the cells of
 * all of them in an `obs` of its own (https://mudata.readthedocs.io, "HDF5 specification").
 */

const RNA = /^(?:sc|sn)?(?:rna|gex|gene.?expression|transcriptome|mrna)$/i;

export const isMuData = (file: Hdf5File): boolean =>
  file.kind("mod") === "group" && file.kind("X") === null;

/**
 * The modality that is read: the named one, else the RNA, else the only one.
 * @throws ANNDATA_INVALID when that cannot be told
 */
export function chooseModality(file: Hdf5File, named: string | undefined): string {
  const names = file.keys("mod");
  const rna = names.filter((name) => RNA.test(name));
  const [chosen] =
    named !== undefined
      ? names.filter((name) => name === named)
      : rna.length === 1
        ? rna
        : names.length === 1
          ? names
          : [];
  if (chosen !== undefined) return chosen;
  const which =
    named === undefined ? "which of them is RNA cannot be told" : `none is called "${named}"`;
  throw new HaystackError(
    "ANNDATA_INVALID",
    `${file.path} is MuData (.h5mu) with the modalities ${names.join(", ") || "(none)"}, and ${which}; name one with --modality.`,
  );
}

/** Columns of the obs of all modalities, for the cells of one. */
export interface SharedObs {
  readonly columns: readonly FrameColumn[];
  column(name: string): Column;
}

/**
 * What the file says of all cells beyond the modality's own obs. Columns that it repeats of one
 * modality ("rna:n_counts") are left out.
 */
export function sharedObs(file: Hdf5File, modality: string, cells: readonly string[]): SharedObs {
  if (file.kind("obs") !== "group")
    return { columns: [], column: (name) => readColumn(file, "obs", name) };
  const own = new Set(frameColumns(file.below(`mod/${modality}`), "obs").map(({ name }) => name));
  const prefixes = file.keys("mod").map((name) => `${name}:`);
  const columns = frameColumns(file, "obs").filter(
    ({ name }) => !own.has(name) && !prefixes.some((prefix) => name.startsWith(prefix)),
  );
  let rows: Int32Array | undefined;
  const rowsOf = (): Int32Array => {
    const places = new LargeMap<number>();
    for (const [place, name] of frameIndex(file, "obs").entries()) places.set(name, place);
    return Int32Array.from(cells, (name) => places.get(name) ?? -1);
  };
  return {
    columns,
    column(name) {
      const values = readColumn(file, "obs", name) as ArrayLike<string | number | boolean | null>;
      rows ??= rowsOf();
      return Array.from(rows, (row) => (row < 0 ? null : (values[row] ?? null))) as Column;
    },
  };
}
