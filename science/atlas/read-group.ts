import { join } from "node:path";
import { HaystackError } from "../../errors.ts";
import type { CsrMatrix } from "../anndata/anndata.ts";
import { indexPath } from "../anndata/frame.ts";
import { openHdf5 } from "../anndata/hdf5.ts";
import { describeSlot, readRows } from "../anndata/matrix.ts";
import { takeRows } from "../prompting/csr-rows.ts";
import type { CellGroup } from "./atlas-index.ts";

/** Cells with their names, unique in the atlas, and counts: cells x genes of the atlas, CSR float32. */
export interface Cells {
  readonly names: readonly string[];
  readonly counts: CsrMatrix;
}

/**
 * The cells of one group that may be seen. Reads its rows of the shard, not those of other groups.
 * @throws what openHdf5 throws, FILE_DAMAGED where the shard is not that of the group
 */
export async function readGroup(dir: string, group: CellGroup): Promise<Cells> {
  const { shard, first_row: first = 0, rows } = group;
  const file = await openHdf5(join(dir, shard));
  try {
    const slot = describeSlot(file, "X");
    // n_cells counts those that may be seen, which in an opened atlas may be fewer.
    const last = rows === undefined ? first + group.n_cells : first + lastOf(rows) + 1;
    if (last > slot.nRows)
      throw new HaystackError(
        "FILE_DAMAGED",
        `${file.path} holds fewer cells than the index of its atlas says; import the atlas again.`,
      );
    const all = {
      names: file.text(indexPath(file, "obs"), first, last),
      counts: readRows(file, slot, first, last),
    };
    if (rows === undefined) return all;
    return {
      names: Array.from(rows, (row) => all.names[row]!),
      counts: takeRows(all.counts, rows),
    };
  } finally {
    file.close();
  }
}

/** Rows ascend; a group has at least one. */
const lastOf = (rows: Int32Array): number => rows.at(-1) ?? 0;
