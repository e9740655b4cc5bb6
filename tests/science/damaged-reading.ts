import { openH5ad } from "../../science/anndata/open.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { inspectH5ad } from "../../science/atlas/inspect.ts";

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

/** All that a file says, once as it is looked into and once as it is read. */
export async function tellAll(path: string): Promise<string> {
  const seen = await inspectH5ad(path);
  const { X, obs, var: genes, uns } = await readH5ad(path);
  return JSON.stringify([seen, obs, genes, uns, Array.from(X.data)]);
}
