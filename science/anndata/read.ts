import { HaystackError } from "../../errors.ts";
import type { AnnData, CsrMatrix } from "./anndata.ts";
import { stackRows } from "./csr.ts";
import { openH5ad, type H5adFile } from "./open.ts";

/**
 * Reads a whole .h5ad file into memory: obs, var, uns, X and the named layers (any layout, as
 * canonical CSR float32). Meant for shards and predictions; large atlases are read in slices through
 * openH5ad.
 * @throws what openH5ad throws, and ANNDATA_INVALID when there is no X or no such layer
 */
export async function readH5ad(path: string, layers: readonly string[] = []): Promise<AnnData> {
  const file = await openH5ad(path);
  try {
    return {
      X: whole(file, "X", "write the file again with the counts in adata.X"),
      ...(layers.length === 0
        ? {}
        : {
            layers: Object.fromEntries(
              layers.map((name) => [
                name,
                whole(file, `layers/${name}`, `write the file again with adata.layers["${name}"]`),
              ]),
            ),
          }),
      obs: file.frame("obs"),
      var: file.frame("var"),
      uns: file.uns(),
    };
  } finally {
    file.close();
  }
}

function whole(file: H5adFile, name: string, advice: string): CsrMatrix {
  const slot = file.slots.find((one) => one.name === name);
  if (slot === undefined)
    throw (
      file.unreadable.find((one) => one.name === name)?.error ??
      new HaystackError("ANNDATA_INVALID", `${file.path} has no ${name}; ${advice}.`)
    );
  // In one go where that takes no more memory than the result: blocks would be copied together.
  if (slot.layout !== "dense") return file.rows(slot, 0, slot.nRows);
  return stackRows(
    Array.from(file.blocks(slot), (block) => block.X),
    file.nVars,
  );
}
