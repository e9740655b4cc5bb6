import type { H5adFile, Slot } from "../anndata/open.ts";

/**
 * Zarr leaves out chunks of nothing but zeros, and a copy that was cut short looks the same: what is
 * used of such a folder is told, one sentence each.
 */
export function notStoredWarnings(
  file: H5adFile,
  slots: readonly Slot[],
  columns: readonly (string | null | undefined)[],
): string[] {
  const parts = [
    ...slots.map(({ name }) => [name, "0"] as const),
    ...columns.flatMap((name) =>
      name === null || name === undefined
        ? []
        : [[`obs/${name}`, "0 or the first of its labels"] as const],
    ),
  ];
  return parts.flatMap(([part, value]) => {
    const chunks = file.notStored?.(part);
    return chunks === undefined
      ? []
      : [
          `${chunks} chunks of ${part} are not in the folder, and their cells read as ${value}; zarr leaves out chunks of zeros, but a copy that was cut short looks the same, so compare it with the original.`,
        ];
  });
}
