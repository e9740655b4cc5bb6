import { HaystackError } from "../../errors.ts";
import type { Hdf5File } from "./hdf5.ts";

/** What CSR and CSC have in common: pointers (`indptr`) to where each row or column begins. */

interface Compressed {
  readonly name: string;
  readonly nStored: number;
}

/**
 * That pointers lead from the first stored value to the last, in order: others give values to rows or
 * columns that they do not belong to. @throws ANNDATA_INVALID
 */
export function checkPointers(file: Hdf5File, slot: Compressed, pointers: Float64Array): void {
  checkSomePointers(file, slot, pointers, { isFirst: true, isLast: true });
}

/** The same of the pointers of some rows. @throws ANNDATA_INVALID */
export function checkSomePointers(
  file: Hdf5File,
  slot: Compressed,
  pointers: Float64Array,
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): void {
  if ((isFirst && pointers[0] !== 0) || (isLast && pointers.at(-1) !== slot.nStored))
    throw invalid(file, slot.name, "leave values out");
  checkAscending(file, slot, pointers);
}

function checkAscending(file: Hdf5File, slot: Compressed, pointers: Float64Array): void {
  let before = 0;
  for (const pointer of pointers) {
    if (!Number.isInteger(pointer) || pointer < before || pointer > slot.nStored)
      throw invalid(file, slot.name, "are not in order");
    before = pointer;
  }
}

const invalid = (file: Hdf5File, name: string, why: string): HaystackError =>
  new HaystackError(
    "ANNDATA_INVALID",
    `${name} in ${file.path} has row or column pointers (indptr) that ${why}; write the file again with a current anndata.`,
  );
