import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { CellGroup } from "../../science/atlas/atlas-index.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { inspectH5ad } from "../../science/atlas/inspect.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { readGroup } from "../../science/atlas/read-group.ts";
import { describeWithData, KANG, PBMC68K } from "../support/data.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { dense, smallAtlas, temporaryFolder } from "./anndata-files.ts";

const nothingKnown = { cellOntologyId: () => null, perturbationId: () => null };

describe("importAtlas", () => {
  it("splits a file into cell groups with shards, profiles, controls and ids", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "Small Set.h5ad");
    await writeH5ad(source, smallAtlas());
    const outDir = join(folder, "atlas");
    const index = await importAtlas(
      { source, outDir },
      {
        cellOntologyId: (label) => (label === "T cell" ? "CL:0000084" : null),
        perturbationId: (label) => (label === "IFN-beta" ? "ifn-beta" : null),
      },
    );

    expect(index.columns).toEqual({
      cell_type: "cell_type",
      perturbation: "perturbation",
      donor: "donor_id",
      gene_symbols: null,
      control_label: "control",
    });
    expect(
      index.groups.map(({ group_id, n_cells, control_group_id }) => [
        group_id,
        n_cells,
        control_group_id,
      ]),
    ).toEqual([
      ["small-set/b-cell/control/d1", 2, null],
      ["small-set/b-cell/ifn-beta/d1", 2, "small-set/b-cell/control/d1"],
      ["small-set/t-cell/control/d1", 1, null],
      ["small-set/t-cell/control/d2", 1, null],
      ["small-set/t-cell/ifn-beta/d1", 1, "small-set/t-cell/control/d1"],
      ["small-set/t-cell/ifn-beta/d2", 1, "small-set/t-cell/control/d2"],
    ]);
    expect(index.groups[4]).toEqual({
      group_id: "small-set/t-cell/ifn-beta/d1",
      dataset: "Small Set",
      cell_type: "T cell",
      cell_ontology_id: "CL:0000084",
      perturbation: "IFN-beta",
      perturbation_id: "ifn-beta",
      is_control: false,
      donor: "Small Set:d1",
      n_cells: 1,
      control_group_id: "small-set/t-cell/control/d1",
      shard: "shards/00000.h5ad",
      first_row: 6,
    });
    expect([index.n_cells, index.n_genes, index.x_source, index.warnings, index.simulated]).toEqual(
      [8, 4, { slot: "X", kind: "counts" }, [], false],
    );
    expect((await readdir(outDir)).toSorted()).toEqual(["index.json", "profiles.f32", "shards"]);
    expect((await readdir(folder)).toSorted()).toEqual(["Small Set.h5ad", "atlas"]);

    const atlas = await openAtlas(outDir);
    expect(atlas.index).toEqual(index);
    const group = await readGroup(outDir, index.groups[1] as never);
    expect(dense(group.counts)).toEqual([
      [9, 0, 4, 8],
      [6, 0, 3, 9],
    ]);
    expect(group.names).toEqual(["cell-7", "cell-8"]);
    expect(index.genes).toEqual(["ISG15", "CD3D", "MS4A1", "ACTB"]);
    const isg15 = (Math.log1p((9 / 21) * 1e4) + Math.log1p((6 / 18) * 1e4)) / 2;
    expect(atlas.profile("small-set/b-cell/ifn-beta/d1")[0]).toBeCloseTo(isg15, 6);
  });

  it("gives the same bytes again", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    await writeH5ad(source, smallAtlas());
    for (const name of ["one", "two"])
      await importAtlas({ source, outDir: join(folder, name) }, nothingKnown);
    const files = (
      await readdir(join(folder, "one"), { recursive: true, withFileTypes: true })
    ).filter((entry) => entry.isFile());
    expect(files.length).toBe(3);
    for (const { parentPath, name } of files) {
      const path = join(parentPath, name);
      expect((await readFile(path)).equals(await readFile(path.replace("/one", "/two")))).toBe(
        true,
      );
    }
  });

  it("leaves out cells without a label, links no missing control, and tells both", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    const { obs } = smallAtlas();
    const columns = {
      ...obs.columns,
      cell_type: ["T cell", null, "T cell", "T cell", "B cell", "B cell", "B cell", ""],
    };
    await writeH5ad(source, smallAtlas({ obs: columns }));
    const index = await importAtlas({ source, outDir: join(folder, "atlas") }, nothingKnown);
    expect(index.n_cells).toBe(6);
    expect(
      index.groups.find(({ group_id: id }) => id.endsWith("t-cell/ifn-beta/d2"))?.control_group_id,
    ).toBeNull();
    expect(index.warnings).toEqual([
      "2 of 8 cells were left out because cell type, perturbation or donor is missing.",
      "1 perturbed groups have no control group of the same cell type and donor.",
    ]);
  });

  it("keeps labels apart whose short forms are equal", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    const { obs } = smallAtlas();
    await writeH5ad(
      source,
      smallAtlas({
        obs: {
          ...obs.columns,
          cell_type: ["CD14+", "CD14+", "CD14+", "CD14+", "CD14-", "CD14-", "+", "+"],
        },
      }),
    );
    const { groups } = await importAtlas(
      { source, outDir: join(folder, "atlas"), dataset: "x" },
      nothingKnown,
    );
    expect(new Set(groups.map(({ group_id: id }) => id)).size).toBe(groups.length);
    for (const { group_id: id } of groups)
      expect(id).toMatch(/^x\/(cd14-[0-9a-f]{8}|[0-9a-f]{8})\/(control|ifn-beta)\/d[12]$/);
    expect(
      groups.filter(({ cell_type: type }) => type === "CD14-").every(({ n_cells: n }) => n === 2),
    ).toBe(true);
  });

  it("takes told columns, layer and control label before its own guess", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    const { obs, ...rest } = smallAtlas();
    await writeH5ad(source, {
      ...rest,
      obs: {
        ...obs,
        columns: {
          ...obs.columns,
          kind: ["a", "a", "a", "a", "b", "b", "b", "b"],
          arm: ["x", "x", "y", "y", "x", "x", "y", "y"],
        },
      },
    });
    const index = await importAtlas(
      {
        source,
        outDir: join(folder, "atlas"),
        layer: "X",
        columns: { cell_type: "kind", perturbation: "arm", donor: null, control_label: "y" },
      },
      nothingKnown,
    );
    expect(
      index.groups.map(({ group_id: id, is_control: control, donor }) => [id, control, donor]),
    ).toEqual([
      ["small/a/x/unknown", false, "small:unknown"],
      ["small/a/y/unknown", true, "small:unknown"],
      ["small/b/x/unknown", false, "small:unknown"],
      ["small/b/y/unknown", true, "small:unknown"],
    ]);
    expect(index.warnings).toEqual(["No donor column was found; all cells count as one donor."]);
  });

  it("makes repeated cell names unique across the atlas", async () => {
    const folder = await temporaryFolder();
    await writeH5ad(join(folder, "a.h5ad"), smallAtlas());
    const bytes = await readFile(join(folder, "a.h5ad"), "latin1");
    await writeFile(
      join(folder, "a.h5ad"),
      bytes.replaceAll("cell-3", "cell-1").replaceAll("cell-4", "cell-1"),
      "latin1",
    );
    const index = await importAtlas(
      { source: join(folder, "a.h5ad"), outDir: join(folder, "atlas") },
      nothingKnown,
    );
    const names = await Promise.all(
      index.groups.map(async (group) => (await readGroup(join(folder, "atlas"), group)).names),
    );
    expect(names.flat().toSorted()).toEqual([
      "cell-1",
      "cell-1-1",
      "cell-1-2",
      "cell-2",
      "cell-5",
      "cell-6",
      "cell-7",
      "cell-8",
    ]);
    expect(index.warnings).toEqual([
      "2 cell names occurred more than once and had a number appended.",
    ]);
  });
});

const KANG_REFERENCE = String.raw`
import anndata as ad, json, numpy as np, sys
a = ad.read_h5ad(json.loads(sys.argv[1])["path"])
X = a.X.toarray().astype(np.float64)
logged = np.log1p(X / X.sum(1, keepdims=True) * 1e4)
out = {}
for key, at in a.obs.groupby(["cell_type", "perturbation", "donor_id"], observed=True).indices.items():
    out["|".join(key)] = {"cells": list(a.obs_names[at]), "sum": X[at].sum(0).tolist(), "first": X[at[0]].tolist(), "profile": logged[at].mean(0).tolist()}
print(json.dumps({"genes": list(a.var_names), "groups": out}))
`;

interface KangReference {
  readonly genes: string[];
  readonly groups: Record<
    string,
    {
      readonly cells: string[];
      readonly sum: number[];
      readonly first: number[];
      readonly profile: number[];
    }
  >;
}

const LOG_NORMALISE = String.raw`
import anndata as ad, json, numpy as np, scanpy as sc, scipy.sparse as sp, sys
i = json.loads(sys.argv[1])
a = ad.read_h5ad(i["path"]); a.uns = {}
counts = a.X.copy()
sc.pp.normalize_total(a, target_sum=i["target"]); sc.pp.log1p(a)
a.write_h5ad(i["folder"] + "/log.h5ad", compression="lzf")
b = a.copy(); b.raw = a; b.X = b.X.toarray(); sc.pp.scale(b); b.write_h5ad(i["folder"] + "/scaled_raw.h5ad")
b.raw = None; b.layers["counts"] = sp.csc_matrix(counts); b.write_h5ad(i["folder"] + "/scaled_layer.h5ad", compression="gzip")
del b.layers["counts"]; b.write_h5ad(i["folder"] + "/scaled.h5ad")
print("{}")
`;

async function differingGroups(
  groups: readonly CellGroup[],
  dir: string,
  otherDir: string,
): Promise<string[]> {
  const differing: string[] = [];
  for (const group of groups) {
    const [X, other] = [
      (await readGroup(dir, group)).counts,
      (await readGroup(otherDir, group)).counts,
    ];
    const equal = (["data", "indices", "indptr"] as const).every((part) =>
      Buffer.from(X[part].buffer).equals(Buffer.from(other[part].buffer)),
    );
    if (!equal) differing.push(group.group_id);
  }
  return differing;
}

describeWithData("the Kang data", () => {
  describeWithPython("against anndata and numpy", () => {
    it("gives 20 groups with exact counts and profiles", async () => {
      const folder = await temporaryFolder();
      const reference = await runPython<KangReference>(KANG_REFERENCE, { path: KANG });
      const index = await importAtlas(
        { source: KANG, outDir: join(folder, "kang"), dataset: "kang" },
        nothingKnown,
      );
      expect(index.groups.length).toBe(20);
      expect(index.warnings).toEqual([]);
      expect(index.genes).toEqual(reference.genes);
      const atlas = await openAtlas(join(folder, "kang"));
      let furthest = 0;
      for (const group of index.groups) {
        const expected =
          reference.groups[
            [group.cell_type, group.perturbation, group.donor.replace("kang:", "")].join("|")
          ];
        if (expected === undefined) throw new Error(`no reference for ${group.group_id}`);
        const { counts, names } = await readGroup(join(folder, "kang"), group);
        const rows = dense(counts);
        expect(names).toEqual(expected.cells);
        expect(rows[0]).toEqual(expected.first);
        expect(
          rows.reduce((sums, row) => sums.map((sum, gene) => sum + (row[gene] as number))).join(),
        ).toBe(expected.sum.join());
        atlas
          .profile(group.group_id)
          .forEach(
            (value, gene) =>
              (furthest = Math.max(furthest, Math.abs(value - (expected.profile[gene] as number)))),
          );
        expect(
          group.is_control
            ? null
            : `kang/${group.group_id.split("/")[1]}/control/${group.group_id.split("/")[3]}`,
        ).toBe(group.control_group_id);
      }
      expect(furthest).toBeLessThan(1e-6);
    });

    it.each([1e4, null])(
      "recovers the counts from values normalised to %s and log-transformed",
      async (target) => {
        const folder = await temporaryFolder();
        await runPython(LOG_NORMALISE, { path: KANG, folder, target });
        const original = await importAtlas(
          { source: KANG, outDir: join(folder, "original"), dataset: "kang" },
          nothingKnown,
        );
        for (const [name, slot, kind] of [
          ["log", "X", "log1p"],
          ["scaled_raw", "raw/X", "log1p"],
          ["scaled_layer", "layers/counts", "counts"],
        ] as const) {
          const index = await importAtlas(
            { source: join(folder, `${name}.h5ad`), outDir: join(folder, name), dataset: "kang" },
            nothingKnown,
          );
          expect(index.x_source).toEqual({ slot, kind });
          expect(index.warnings).toEqual(
            kind === "counts"
              ? []
              : [
                  `No raw counts were found; counts were recovered from the log-normalised values of ${slot}.`,
                ],
          );
          expect(
            await differingGroups(original.groups, join(folder, name), join(folder, "original")),
          ).toEqual([]);
        }
        await expect(
          importAtlas(
            { source: join(folder, "scaled.h5ad"), outDir: join(folder, "bad") },
            nothingKnown,
          ),
        ).rejects.toMatchObject({
          code: "COUNTS_INVALID",
          message: expect.stringMatching(
            /X has negative values, as scaled data do; keep the raw counts in adata.layers\["counts"\] or adata.raw/,
          ) as string,
        });
      },
    );
  });

  it("is described by inspect", async () => {
    const summary = await inspectH5ad(KANG);
    expect([summary.n_obs, summary.n_vars, summary.slots]).toEqual([
      1556,
      1267,
      [{ name: "X", layout: "csr", shape: [1556, 1267], values: "counts" }],
    ]);
    expect(summary.guessed).toEqual({
      cell_type: "cell_type",
      perturbation: "perturbation",
      donor: "donor_id",
      gene_symbols: null,
      control_label: "control",
    });
    expect(summary.obs[1]).toStrictEqual({
      name: "perturbation",
      kind: "categorical",
      n_values: 2,
      values: expect.any(Array) as object[],
    });
    expect(summary.obs[1]?.values?.reduce((total, { cells }) => total + cells, 0)).toBe(1556);
    expect(summary.warnings).toEqual([]);
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });
});

describeWithData("PBMC 68k, which has no perturbation", () => {
  it("ends the import with the columns there are and the option to use", async () => {
    const outDir = join(await temporaryFolder(), "atlas");
    await expect(importAtlas({ source: PBMC68K, outDir }, nothingKnown)).rejects.toMatchObject({
      code: "PERTURBATION_COLUMN_MISSING",
      message: expect.stringMatching(
        /--perturbation-column \(the columns are: bulk_labels, n_genes, .*louvain\)/,
      ) as string,
    });
  });

  it("is described by inspect", async () => {
    const summary = await inspectH5ad(PBMC68K);
    expect(summary.slots.map(({ name, values }) => [name, values])).toEqual([
      ["X", "negative"],
      ["raw/X", "log1p"],
    ]);
    expect(summary.guessed).toEqual({
      cell_type: "bulk_labels",
      perturbation: null,
      donor: null,
      gene_symbols: null,
      control_label: null,
    });
    expect(summary.warnings[0]).toMatch(/--perturbation-column/);
  });
});
