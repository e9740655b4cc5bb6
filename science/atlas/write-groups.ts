import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CellGroup } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import type { CsrMatrix } from "../anndata/anndata.ts";
import { writeH5ad } from "../anndata/write.ts";
import { meanProfile } from "./profile.ts";
import type { GroupedCells } from "./write-counts.ts";

interface Names {
  /** Of the cells, unique. */
  readonly names: readonly string[];
  readonly genes: readonly string[];
}

/**
 * Writes one shard a group and `profiles.f32`, one mean profile a group. While one shard reaches
 * the disk the next group is read. @throws GROUP_EMPTY for a group without any counts
 */
export async function writeGroups(
  folder: string,
  groups: readonly CellGroup[],
  { names, genes }: Names,
  { groupOf, scratch }: GroupedCells,
): Promise<void> {
  const rowsOf = rowsByGroup(groupOf, groups.length);
  const profiles = await open(join(folder, "profiles.f32"), "w");
  let writing = Promise.resolve();
  try {
    for (const [at, group] of groups.entries()) {
      const rows = rowsOf[at] ?? [];
      const X = scratch.read(rows, genes.length);
      if (X.data.length === 0)
        throw new HaystackError(
          "GROUP_EMPTY",
          `No cell of ${group.cell_type}, ${group.perturbation}, ${group.donor} has any counts; remove these cells and import again.`,
        );
      await writing;
      writing = writeShard(join(folder, group.shard), group, X, {
        names: rows.map((row) => names[row] ?? String(row)),
        genes,
      });
      await profiles.writeFile(meanProfile(X));
    }
    await writing;
    await profiles.sync();
  } finally {
    await Promise.allSettled([writing]);
    await profiles.close();
  }
}

async function writeShard(
  path: string,
  group: CellGroup,
  X: CsrMatrix,
  { names, genes }: Names,
): Promise<void> {
  const same = (label: string) => Array.from(names, () => label);
  await mkdir(dirname(path), { recursive: true });
  await writeH5ad(path, {
    X,
    obs: {
      index: names,
      columns: {
        cell_type: same(group.cell_type),
        perturbation: same(group.perturbation),
        donor: same(group.donor),
        dataset: same(group.dataset),
      },
    },
    var: { index: genes, columns: {} },
    uns: { group_id: group.group_id },
  });
}

function rowsByGroup(groupOf: Int32Array, nGroups: number): number[][] {
  const rows = Array.from({ length: nGroups }, (): number[] => []);
  for (const [row, group] of groupOf.entries()) rows[group]?.push(row);
  return rows;
}
