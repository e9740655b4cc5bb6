import type { CsrMatrix } from "../anndata/anndata.ts";
import { writeH5ad } from "../anndata/write.ts";
import type { Extent } from "./cell-scratch.ts";

/** Stored values of a shard, unless told; a group with more has one of its own. */
const SHARD = 8_000_000;
/** Where a shard is fetched as a whole for one of its groups. */
export const FETCHED_SHARD = 2_000_000;

/** Groups [first, last) and what their cells need together. */
interface PlannedShard {
  readonly first: number;
  readonly last: number;
  readonly extent: Extent;
}

/** Puts neighbouring groups into shards, as many as fit. */
export function planShards(extents: readonly Extent[], most = SHARD): PlannedShard[] {
  const shards: PlannedShard[] = [];
  for (const [at, { stored, width }] of extents.entries()) {
    const open = shards.at(-1);
    if (open === undefined || open.extent.stored + stored > most) {
      shards.push({ first: at, last: at + 1, extent: { stored, width } });
      continue;
    }
    shards[shards.length - 1] = {
      first: open.first,
      last: at + 1,
      extent: {
        stored: open.extent.stored + stored,
        width: Math.max(open.extent.width, width) as Extent["width"],
      },
    };
  }
  return shards;
}

/** What a shard holds: groups one after another, cells in the order of the source within each. */
interface Shard {
  readonly genes: readonly string[];
  readonly extent: Extent;
  /** Names of all cells. */
  readonly cells: readonly string[];
  readonly groups: readonly (readonly [id: string, nCells: number])[];
  readonly counts: Iterable<CsrMatrix>;
}

/** Writes a shard as .h5ad. obs "group" is the position of a cell's group in uns "group_ids". */
export async function writeShard(
  path: string,
  { genes, extent, cells, groups, counts }: Shard,
): Promise<void> {
  const group = new Int32Array(cells.length);
  let row = 0;
  for (const [at, [, nCells]] of groups.entries()) {
    group.fill(at, row, row + nCells);
    row += nCells;
  }
  await writeH5ad(path, {
    X: {
      nRows: cells.length,
      nCols: genes.length,
      nStored: extent.stored,
      valueBytes: extent.width,
      pieces: counts,
    },
    obs: { index: cells, columns: { group } },
    var: { index: genes, columns: {} },
    uns: { group_ids: groups.map(([id]) => id) },
  });
}
