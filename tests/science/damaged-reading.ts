import { openH5ad } from "../../science/anndata/open.ts";

/** Tasks of a process that reads damaged files. */

/** Reads all of a file; how many values it has, and the most memory this process has had, in MB. */
export async function readAll(path: string): Promise<{ values: number; peakMb: number }> {
  const file = await openH5ad(path);
  let values = 0;
  try {
    for (const frame of ["obs", "var"] as const) {
      for (const column of Object.values(file.frame(frame).columns)) values += column.length;
    }
    for (const slot of file.slots) for (const { X } of file.blocks(slot)) values += X.data.length;
    file.uns();
  } finally {
    file.close();
  }
  return { values, peakMb: process.resourceUsage().maxRSS / 1_000 };
}
