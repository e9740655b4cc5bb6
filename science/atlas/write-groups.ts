import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { CellGroup } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import type { LabelledGroup } from "./cell-groups.ts";
import { MeanProfile } from "./profile.ts";
import { planShards, writeShard } from "./write-shard.ts";
import type { GroupedCells } from "./write-counts.ts";

interface Names {
  /** Of the cells, unique. */
  readonly names: readonly string[];
  readonly genes: readonly string[];
}

/** A group, its source rows and its mean profile once its cells were read. */
interface Placing {
  readonly group: LabelledGroup;
  readonly rows: Int32Array;
  readonly profile: MeanProfile;
}

export interface ShardOptions {
  /** Begins the names of the shards. */
  readonly shardPrefix?: string;
  /** Stored values that a shard may have, unless one group has more. */
  readonly shardValues?: number;
}

/**
 * Writes the shards and `profiles.f32`, one mean profile a group, and says where each group lies.
 * Memory grows neither with the groups nor with the largest of them.
 * @throws GROUP_EMPTY for a group without any counts
 */
export async function writeGroups(
  folder: string,
  groups: readonly LabelledGroup[],
  { names, genes }: Names,
  { groupOf, scratch }: GroupedCells,
  { shardPrefix = "", shardValues }: ShardOptions = {},
): Promise<readonly CellGroup[]> {
  const rowsOf = rowsByGroup(groupOf, groups);
  const extents = rowsOf.map((rows) => scratch.extent(rows));
  for (const [at, { stored }] of extents.entries())
    if (stored === 0) throw groupEmpty(groups[at] as LabelledGroup);
  await mkdir(join(folder, "shards"));
  const profiles = await open(join(folder, "profiles.f32"), "w");
  const placed: CellGroup[] = [];
  try {
    for (const [number, { first, last, extent }] of planShards(extents, shardValues).entries()) {
      const shard = `shards/${shardPrefix}${String(number).padStart(5, "0")}.h5ad`;
      const placings = groups.slice(first, last).map((group, at) => ({
        group,
        rows: rowsOf[first + at] as Int32Array,
        profile: new MeanProfile(genes.length),
      }));
      await writeShard(join(folder, shard), {
        genes,
        extent,
        cells: placings.flatMap(({ rows }) => Array.from(rows, (row) => names[row] as string)),
        groups: placings.map(({ group, rows }) => [group.group_id, rows.length] as const),
        counts: readGroups(placings, scratch),
      });
      let row = 0;
      for (const { group, profile } of placings) {
        placed.push({ ...group, shard, first_row: row });
        row += group.n_cells;
        await profiles.writeFile(profile.mean());
      }
    }
    await profiles.sync();
    return placed;
  } finally {
    await profiles.close();
  }
}

function* readGroups(placings: readonly Placing[], scratch: GroupedCells["scratch"]) {
  for (const { rows, profile } of placings)
    for (const X of scratch.read(rows)) {
      profile.add(X);
      yield X;
    }
}

function groupEmpty({ cell_type, perturbation, donor }: LabelledGroup): HaystackError {
  return new HaystackError(
    "GROUP_EMPTY",
    `No cell of ${cell_type}, ${perturbation}, ${donor} has any counts; remove these cells and import again.`,
  );
}

function rowsByGroup(groupOf: Int32Array, groups: readonly LabelledGroup[]): Int32Array[] {
  const rows = groups.map(({ n_cells }) => new Int32Array(n_cells));
  const next = new Int32Array(groups.length);
  for (const [row, group] of groupOf.entries()) {
    if (group < 0) continue;
    const at = next[group] as number;
    (rows[group] as Int32Array)[at] = row;
    next[group] = at + 1;
  }
  return rows;
}
