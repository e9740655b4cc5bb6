import type { AnnData, Column } from "../../science/anndata/anndata.ts";
import { takeRows } from "../../science/prompting/csr-rows.ts";

/** The file without these cells. */
export function without(adata: AnnData, rows: Iterable<number>): AnnData {
  const hidden = new Set(rows);
  const kept = Int32Array.from(adata.obs.index.keys()).filter((row) => !hidden.has(row));
  const columns = Object.entries(adata.obs.columns).map(
    ([name, column]) => [name, Array.from(kept, (row) => column[row]!)] as const,
  );
  return {
    X: takeRows(adata.X, kept),
    obs: {
      index: Array.from(kept, (row) => adata.obs.index[row]!),
      columns: Object.fromEntries(
        columns.map(([name, values]) => [
          name,
          typeof values[0] === "number"
            ? Float64Array.from(values as number[])
            : (values as Column),
        ]),
      ),
    },
    var: adata.var,
    uns: {},
  };
}
