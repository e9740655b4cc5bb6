import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { readGroup } from "../../science/atlas/read-group.ts";
import { planShards } from "../../science/atlas/write-shard.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { dense, smallAtlas, temporaryFolder } from "./anndata-files.ts";

const nothingKnown = { cellOntologyId: () => null, perturbationId: () => null };

const GENES = 70_000;
const CELLS = 130;
const isPerturbed = (cell: number): boolean => cell % 10 === 3;
/** Counts that need one, two or four bytes, by cell. */
const countOf = (cell: number, gene: number): number =>
  cell % 10 === 3 ? 1 + (gene % 70_001) : 1 + ((cell + gene) % (cell % 3 === 0 ? 200 : 900));

/** More values in one group than a shard is meant for, and more genes than two bytes can number. */
function largeGroup(): AnnData {
  const data = new Float32Array(CELLS * GENES);
  const indices = new Int32Array(CELLS * GENES);
  for (let at = 0; at < data.length; at += 1) {
    indices[at] = at % GENES;
    data[at] = countOf(Math.floor(at / GENES), at % GENES);
  }
  const cells = Array.from({ length: CELLS }, (_, cell) => cell);
  return {
    X: {
      nRows: CELLS,
      nCols: GENES,
      data,
      indices,
      indptr: Int32Array.from({ length: CELLS + 1 }, (_, cell) => cell * GENES),
    },
    obs: {
      index: cells.map((cell) => `c${cell}`),
      columns: {
        cell_type: cells.map(() => "T cell"),
        perturbation: cells.map((cell) => (isPerturbed(cell) ? "IFN-beta" : "control")),
      },
    },
    var: { index: Array.from({ length: GENES }, (_, gene) => `GENE${gene}`), columns: {} },
    uns: {},
  };
}

/** Rewrites an atlas as the version before had it: one shard a group, which names its cells and genes. */
async function asVersionOne(dir: string, index: AtlasIndex): Promise<void> {
  const groups = await Promise.all(
    index.groups.map(async ({ first_row: _, ...group }, at) => {
      const { names, counts } = await readGroup(dir, index.groups[at]!);
      const shard = `shards/group-${at}.h5ad`;
      await writeH5ad(join(dir, shard), {
        X: counts,
        obs: { index: names, columns: { cell_type: names.map(() => group.cell_type) } },
        var: { index: index.genes, columns: {} },
        uns: {},
      });
      return { ...group, shard };
    }),
  );
  const old = { ...index, format: "haystack-atlas/1", groups };
  await writeFile(join(dir, "index.json"), JSON.stringify(old, null, 2));
}

describe("shards", () => {
  it("takes neighbours together, and a large group alone", () => {
    const extents = [5, 1, 9, 1, 1, 6].map((millions, at) => ({
      stored: millions * 1e6,
      width: at === 4 ? (2 as const) : (1 as const),
    }));
    expect(planShards(extents)).toEqual([
      { first: 0, last: 2, extent: { stored: 6e6, width: 1 } },
      { first: 2, last: 3, extent: { stored: 9e6, width: 1 } },
      { first: 3, last: 6, extent: { stored: 8e6, width: 2 } },
    ]);
  });

  it("keep every count of a group larger than they are, with many genes and large counts", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "large.h5ad");
    await writeH5ad(source, largeGroup());
    const dir = join(folder, "atlas");
    const { groups } = await importAtlas({ source, outDir: dir }, nothingKnown);
    expect(groups.map(({ shard, first_row, n_cells }) => [shard, first_row, n_cells])).toEqual([
      ["shards/00000.h5ad", 0, 117],
      ["shards/00001.h5ad", 0, 13],
    ]);
    for (const group of groups) {
      const { names, counts } = await readGroup(dir, group);
      const rows = Array.from({ length: CELLS }, (_, cell) => cell).filter(
        (cell) => isPerturbed(cell) !== group.is_control,
      );
      expect(names).toEqual(rows.map((row) => `c${row}`));
      const wrong = rows.filter((cell, row) => {
        const start = counts.indptr[row]!;
        for (let gene = 0; gene < GENES; gene += 1)
          if (
            counts.indices[start + gene] !== gene ||
            counts.data[start + gene] !== countOf(cell, gene)
          )
            return true;
        return counts.indptr[row + 1] !== start + GENES;
      });
      expect(wrong).toEqual([]);
    }
  });

  it("of the version before are read", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    await writeH5ad(source, smallAtlas());
    const dir = join(folder, "atlas");
    const index = await importAtlas({ source, outDir: dir }, nothingKnown);
    const cells = await Promise.all(index.groups.map((group) => readGroup(dir, group)));
    await asVersionOne(dir, index);
    const old = await openAtlas(dir);
    expect(old.index.format).toBe("haystack-atlas/1");
    expect(await Promise.all(old.index.groups.map((group) => readGroup(dir, group)))).toEqual(
      cells,
    );
    const withhold = { cell_type: "B cell", split_seed: 1 };
    const [control] = (await openAtlas(dir, { withhold })).index.groups;
    expect((await readGroup(dir, control!)).names).toHaveLength(1);
  });

  it("that do not belong to the index are called damaged", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    await writeH5ad(source, smallAtlas());
    const dir = join(folder, "atlas");
    const { groups } = await importAtlas({ source, outDir: dir }, nothingKnown);
    await expect(readGroup(dir, { ...groups.at(-1)!, n_cells: 2 })).rejects.toMatchObject({
      code: "FILE_DAMAGED",
    });
    expect(JSON.parse(await readFile(join(dir, "index.json"), "utf8"))).toHaveProperty(
      "format",
      "haystack-atlas/2",
    );
  });

  it("are AnnData with names of cells, genes and groups", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    await writeH5ad(source, smallAtlas());
    const dir = join(folder, "atlas");
    const { groups, genes } = await importAtlas({ source, outDir: dir }, nothingKnown);
    const shard = await readH5ad(join(dir, "shards/00000.h5ad"));
    expect(shard.var.index).toEqual(genes);
    expect(shard.uns["group_ids"]).toEqual(groups.map(({ group_id }) => group_id));
    expect(shard.obs.columns["group"]).toEqual(Int32Array.of(0, 0, 1, 1, 2, 3, 4, 5));
    for (const group of groups) {
      const { counts } = await readGroup(dir, group);
      const [first, last] = [group.first_row!, group.first_row! + group.n_cells];
      expect(dense(shard.X).slice(first, last)).toEqual(dense(counts));
    }
  });
});

describeWithPython("shards in Python", () => {
  it("are read by anndata with the same counts", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    await writeH5ad(source, smallAtlas());
    const dir = join(folder, "atlas");
    const { groups } = await importAtlas({ source, outDir: dir }, nothingKnown);
    const rows = await runPython<number[][]>(
      `import anndata, json
a = anndata.read_h5ad(json.loads(sys.argv[1])["path"])
print(json.dumps((a.X.astype("float64") @ __import__("numpy").eye(a.n_vars)).tolist()))`,
      { path: join(dir, "shards/00000.h5ad") },
    );
    const ours = await Promise.all(
      groups.map(async (group) => dense((await readGroup(dir, group)).counts)),
    );
    expect(rows).toEqual(ours.flat());
  });
});
