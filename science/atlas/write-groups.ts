import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CellGroup } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import { writeH5ad } from "../anndata/write.ts";
import { meanProfile } from "./profile.ts";
import type { Spill } from "./spill.ts";

interface Names {
  /** Of the source's cells, unique. */
  readonly names: readonly string[];
  readonly genes: readonly string[];
}

/** Writes one shard a group and `profiles.f32`, one mean profile a group. @throws GROUP_EMPTY for a group without any counts */
export async function writeGroups(folder: string, groups: readonly CellGroup[], groupOf: Int32Array, { names, genes }: Names, spill: Spill): Promise<void> {
  const rowsOf = rowsByGroup(groupOf, groups.length);
  const profiles = await open(join(folder, "profiles.f32"), "w");
  try {
    for (const [at, group] of groups.entries()) {
      const rows = rowsOf[at] ?? [];
      const X = spill.read(rows, genes.length);
      if (X.data.length === 0) throw new HaystackError("GROUP_EMPTY", `No cell of ${group.cell_type}, ${group.perturbation}, ${group.donor} has any counts; remove these cells and import again.`);
      const same = (label: string) => Array.from(rows, () => label);
      const shard = join(folder, group.shard);
      await mkdir(dirname(shard), { recursive: true });
      await writeH5ad(shard, {
        X,
        obs: {
          index: rows.map((row) => names[row] ?? String(row)),
          columns: { cell_type: same(group.cell_type), perturbation: same(group.perturbation), donor: same(group.donor), dataset: same(group.dataset) },
        },
        var: { index: genes, columns: {} },
        uns: { group_id: group.group_id },
      });
      await profiles.writeFile(meanProfile(X));
    }
    await profiles.sync();
  } finally {
    await profiles.close();
  }
}

function rowsByGroup(groupOf: Int32Array, nGroups: number): number[][] {
  const rows = Array.from({ length: nGroups }, (): number[] => []);
  for (const [row, group] of groupOf.entries()) rows[group]?.push(row);
  return rows;
}
