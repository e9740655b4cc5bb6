import { join } from "node:path";
import { expect, test } from "vitest";
import { atlasCatalogue } from "../../actors/atlas-catalogue.ts";
import { importAtlasFile } from "../../actors/tasks.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { ImportOptions } from "../../science/atlas/import.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { smallAtlas, temporaryFolder } from "../science/anndata-files.ts";

type Told = Partial<Omit<ImportOptions, "outDir" | "source" | "dataset">>;

/** Imports of one file under one name. */
async function importing() {
  const folder = await temporaryFolder();
  const source = join(folder, "in.h5ad");
  const { obs, ...atlas } = smallAtlas();
  const batch = obs.index.map((_, cell) => "ab"[cell % 2]!);
  const run = obs.index.map(() => "x");
  await writeH5ad(source, {
    ...atlas,
    obs: { ...obs, columns: { ...obs.columns, batch, run } },
  });
  const compute = {
    run: (_: "importAtlasFile", input: Parameters<typeof importAtlasFile>[0]) =>
      importAtlasFile(input),
    close: async () => undefined,
  };
  const atlases = atlasCatalogue(
    directoryObjects({ root: join(folder, "objects") }),
    compute as never,
    join(folder, "knowledge"),
  );
  return (told: Told) => atlases.import({ source, dataset: "mine", ...told });
}

// Whatever is told of a file makes another atlas of it: one that stands is no answer.
test.each<[string, Told, Told]>([
  ["some of the cells after all", {}, { only: { batch: ["a"] } }],
  ["all cells after some", { only: { batch: ["a"] } }, {}],
  ["other cells", { only: { batch: ["a"] } }, { only: { batch: ["b"] } }],
  ["fewer cells", { only: { batch: ["a", "b"] } }, { only: { batch: ["a"] } }],
  ["another type of all cells", { cellType: "T cell" }, { cellType: "B cell" }],
  ["the cells' own types after one", { cellType: "T cell" }, {}],
  [
    "another kind of perturbation",
    { perturbationType: "CRISPRi" },
    { perturbationType: "CRISPRa" },
  ],
])("%s under the name of an atlas is refused", async (_, first, then) => {
  const imported = await importing();
  await imported(first);
  await expect(imported(then)).rejects.toMatchObject({
    code: "ATLAS_EXISTS",
    message: expect.stringContaining("--dataset") as string,
  });
});

test.each<[string, Told, Told]>([
  ["nothing", {}, { only: {} }],
  [
    "the same cells in another order",
    { only: { batch: ["b", "a"], run: ["x"] } },
    { only: { run: ["x"], batch: ["a", "b", "a"] } },
  ],
  ["the same type", { cellType: "T cell" }, { cellType: "T cell" }],
])("%s told again gives the atlas that stands", async (_, first, then) => {
  const imported = await importing();
  expect(await imported(then)).toEqual(await imported(first));
});
