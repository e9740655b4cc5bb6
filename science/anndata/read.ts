import { HaystackError } from "../../errors.ts";
import type { AnnData } from "./anndata.ts";
import { stackRows } from "./csr.ts";
import { openH5ad } from "./open.ts";

/**
 * Reads a whole .h5ad file into memory: obs, var, uns and X (any layout, as canonical CSR float32).
 * Meant for shards and predictions; large atlases are read in slices through openH5ad.
 * @throws what openH5ad throws, and ANNDATA_INVALID when there is no X
 */
export async function readH5ad(path: string): Promise<AnnData> {
  const file = await openH5ad(path);
  try {
    const slot = file.slots.find(({ name }) => name === "X");
    if (slot === undefined)
      throw (
        file.unreadable.find(({ name }) => name === "X")?.error ??
        new HaystackError(
          "ANNDATA_INVALID",
          `${path} has no X; write the file again with the counts in adata.X.`,
        )
      );
    const X = stackRows(
      Array.from(file.blocks(slot), (block) => block.X),
      file.nVars,
    );
    return { X, obs: file.frame("obs"), var: file.frame("var"), uns: file.uns() };
  } finally {
    file.close();
  }
}
