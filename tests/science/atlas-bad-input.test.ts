import { mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { ImportOptions } from "../../science/atlas/import.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { smallAtlas, temporaryFolder } from "./anndata-files.ts";

const nothingKnown = { cellOntologyId: () => null, perturbationId: () => null };
const counts = [
  [0, 3, 0, 9],
  [1, 2, 0, 8],
  [7, 2, 0, 9],
  [8, 1, 0, 7],
  [0, 0, 4, 6],
  [1, 0, 5, 7],
  [9, 0, 4, 8],
  [6, 0, 3, 9],
];
const changed = (cell: number, gene: number, value: number) =>
  counts.map((row, i) => row.map((count, j) => (i === cell && j === gene ? value : count)));
const { columns } = smallAtlas().obs;

/** How the import fails, and which files it leaves. */
async function failedImport(
  adata: AnnData,
  options: Partial<ImportOptions> = {},
): Promise<{ readonly thrown: unknown; readonly left: readonly string[] }> {
  const folder = await temporaryFolder();
  const source = join(folder, "in.h5ad");
  await writeH5ad(source, adata);
  const thrown: unknown = await importAtlas(
    { source, outDir: join(folder, "atlas"), ...options },
    nothingKnown,
  ).catch((cause: unknown) => cause);
  return { thrown, left: await readdir(folder) };
}

describe("what cannot be imported ends with a code and a way out, and leaves nothing behind", () => {
  it.each<[string, AnnData, Partial<ImportOptions>, string, RegExp]>([
    [
      "a negative count",
      smallAtlas({ counts: changed(2, 0, -7) }),
      {},
      "COUNTS_INVALID",
      /X has negative values/,
    ],
    [
      "NaN",
      smallAtlas({ counts: changed(2, 0, Number.NaN) }),
      {},
      "COUNTS_INVALID",
      /X has missing \(NaN\) or infinite values/,
    ],
    ["infinity", smallAtlas({ counts: changed(2, 0, Infinity) }), {}, "COUNTS_INVALID", /infinite/],
    [
      "no counts at all",
      smallAtlas({ counts: counts.map((row) => row.map(() => 0)) }),
      {},
      "COUNTS_INVALID",
      /no value above zero/,
    ],
    [
      "CPM",
      smallAtlas({ counts: counts.map((row) => row.map((count) => count * 123.456)) }),
      {},
      "COUNTS_INVALID",
      /normalised but not log-transformed/,
    ],
    [
      "logarithms of something else",
      logarithmsOfFractions(),
      {},
      "COUNTS_INVALID",
      /cannot be converted back to whole counts/,
    ],
    [
      "repeated gene symbols",
      withSymbols(["CD3D", "CD3D", "MS4A1", "ACTB"]),
      { columns: { gene_symbols: "symbol" }, repeatedGenes: "refuse" },
      "GENES_DUPLICATED",
      /\(CD3D\); add their counts up with --repeated-genes sum/,
    ],
    [
      "an asked column that is missing",
      smallAtlas(),
      { columns: { cell_type: "kind" } },
      "COLUMN_NOT_FOUND",
      /no column "kind"; the columns are: cell_type, perturbation, donor_id/,
    ],
    [
      "an asked gene column that is missing",
      smallAtlas(),
      { columns: { gene_symbols: "symbol" } },
      "COLUMN_NOT_FOUND",
      /var .* no column "symbol"/,
    ],
    [
      "an asked layer that is missing",
      smallAtlas(),
      { layer: "counts" },
      "COLUMN_NOT_FOUND",
      /no layer "counts"; its matrices are: X/,
    ],
    [
      "no perturbation column",
      smallAtlas({
        obs: { cell_type: columns["cell_type"] as never, donor_id: columns["donor_id"] as never },
      }),
      {},
      "PERTURBATION_COLUMN_MISSING",
      /--perturbation-column \(the columns are: cell_type, donor_id\)/,
    ],
    [
      "no cell type column",
      smallAtlas({ obs: { perturbation: columns["perturbation"] as never } }),
      {},
      "COLUMN_NOT_FOUND",
      /--cell-type-column/,
    ],
    [
      "no control label",
      smallAtlas({ obs: { ...columns, perturbation: ["a", "a", "b", "b", "a", "a", "b", "b"] } }),
      {},
      "CONTROL_LABEL_MISSING",
      /--control-label \(values: a, b\)/,
    ],
    [
      "a control label nobody has",
      smallAtlas(),
      { columns: { control_label: "DMSO" } },
      "CONTROL_LABEL_MISSING",
      /no value "DMSO".*values: control, IFN-beta/,
    ],
    [
      "no cells",
      smallAtlas({ counts: [], obs: { cell_type: [], perturbation: [], donor_id: [] } }),
      {},
      "GROUP_EMPTY",
      /has no cells/,
    ],
    [
      "no cell with all labels",
      smallAtlas({ obs: { ...columns, donor_id: Array.from({ length: 8 }, () => null) } }),
      {},
      "GROUP_EMPTY",
      /no cell with a cell type/,
    ],
    [
      "only control cells",
      smallAtlas({ obs: { ...columns, perturbation: Array.from({ length: 8 }, () => "control") } }),
      {},
      "GROUP_EMPTY",
      /no perturbed cell/,
    ],
    [
      "a group without any counts",
      smallAtlas({ counts: counts.map((row, i) => (i === 3 ? [0, 0, 0, 0] : row)) }),
      {},
      "GROUP_EMPTY",
      /No cell of T cell, IFN-beta, in:d2 has any counts/,
    ],
  ])("%s", async (_, adata, options, code, message) => {
    const { thrown, left } = await failedImport(adata, options);
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(left).toEqual(["in.h5ad"]);
  });

  it("a wrong value where the sample does not look", async () => {
    const many = Array.from({ length: 3000 }, (_, cell) =>
      Array.from({ length: 1100 }, (__, gene) =>
        (cell + gene) % 3 === 0 ? 0 : 1 + ((cell * gene) % 5),
      ),
    );
    const row = many[1499] as number[];
    const pick = (labels: readonly string[]) =>
      Array.from(many, (_, i) => labels[i % labels.length] as string);
    const obs = { cell_type: pick(["T"]), perturbation: pick(["control", "IFN"]) };
    const genes = Array.from({ length: 1100 }, (_, i) => `G${i}`);
    for (const value of [-1, Number.NaN, 0.5]) {
      row[70] = value;
      const { thrown, left } = await failedImport(smallAtlas({ counts: many, obs, genes }));
      expect(thrown).toMatchObject({
        code: "COUNTS_INVALID",
        message: expect.stringMatching(/cell-1500 and gene G70, which is not a count/) as string,
      });
      expect(left).toEqual(["in.h5ad"]);
    }
  });

  it("a folder that is taken, and a source that is none", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "atlas"));
    await writeFile(join(folder, "atlas", "mine.txt"), "");
    await writeH5ad(join(folder, "in.h5ad"), smallAtlas());
    await expect(
      importAtlas({ source: join(folder, "in.h5ad"), outDir: join(folder, "atlas") }, nothingKnown),
    ).rejects.toMatchObject({ code: "ATLAS_EXISTS" });
    await expect(
      importAtlas({ source: join(folder, "none.h5ad"), outDir: join(folder, "new") }, nothingKnown),
    ).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
    await truncate(join(folder, "in.h5ad"), 9000);
    await expect(
      importAtlas({ source: join(folder, "in.h5ad"), outDir: join(folder, "new") }, nothingKnown),
    ).rejects.toMatchObject({ code: "FILE_DAMAGED" });
    expect((await readdir(folder)).toSorted()).toEqual(["atlas", "in.h5ad"]);
  });
});

describe("opening an atlas", () => {
  it("says when there is none, or when it is damaged", async () => {
    const folder = await temporaryFolder();
    await expect(openAtlas(folder)).rejects.toMatchObject({ code: "ATLAS_NOT_FOUND" });
    await writeH5ad(join(folder, "in.h5ad"), smallAtlas());
    const dir = join(folder, "atlas");
    await importAtlas({ source: join(folder, "in.h5ad"), outDir: dir }, nothingKnown);
    await truncate(join(dir, "profiles.f32"), 8);
    await expect(openAtlas(dir)).rejects.toMatchObject({ code: "FILE_DAMAGED" });
    await rm(join(dir, "profiles.f32"));
    await expect(openAtlas(dir)).rejects.toMatchObject({ code: "FILE_DAMAGED" });
    await writeFile(join(dir, "index.json"), "{");
    await expect(openAtlas(dir)).rejects.toMatchObject({ code: "FILE_DAMAGED" });
  });

  it("does not list what is withheld, and keeps the controls", async () => {
    const folder = await temporaryFolder();
    await writeH5ad(join(folder, "in.h5ad"), smallAtlas());
    const dir = join(folder, "atlas");
    const whole = await importAtlas({ source: join(folder, "in.h5ad"), outDir: dir }, nothingKnown);
    for (const withhold of [
      { cell_type: "B cell" },
      { cell_type: "B cell", perturbation: "IFN-beta" },
    ]) {
      const atlas = await openAtlas(dir, { withhold });
      expect(atlas.index.groups.map(({ group_id: id }) => id)).toEqual(
        whole.groups.map(({ group_id: id }) => id).filter((id) => id !== "in/b-cell/ifn-beta/d1"),
      );
      expect(atlas.index.n_cells).toBe(6);
      expect(() => atlas.profile("in/b-cell/ifn-beta/d1")).toThrow(/no cell group/);
      const other = (await openAtlas(dir)).profile("in/t-cell/ifn-beta/d2");
      expect(atlas.profile("in/t-cell/ifn-beta/d2")).toEqual(other);
    }
    expect(
      (await openAtlas(dir, { withhold: { cell_type: "B cell", perturbation: "TNF" } })).index
        .groups,
    ).toEqual(whole.groups);
  });
});

function logarithmsOfFractions(): AnnData {
  const genes = Array.from({ length: 40 }, (_, gene) => `G${gene}`);
  return smallAtlas({
    genes,
    counts: counts.map((_, cell) =>
      genes.map((__, gene) => Math.log1p(1 + Math.sqrt(gene + cell))),
    ),
  });
}

function withSymbols(symbol: readonly string[]): AnnData {
  const atlas = smallAtlas();
  return { ...atlas, var: { index: ["ENSG1", "ENSG2", "ENSG3", "ENSG4"], columns: { symbol } } };
}
