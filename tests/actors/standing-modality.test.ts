import { expect, test } from "vitest";
import { checkSame } from "../../actors/imports/standing.ts";
import type { AtlasIndex, ToldAtImport } from "../../science/atlas/atlas-index.ts";

const atlas = (told: ToldAtImport | undefined): AtlasIndex =>
  ({
    dataset: "mine",
    source_sha256: "abc",
    columns: { cell_type: "cell_type" },
    x_source: { slot: "X", kind: "counts" },
    genes: ["A"],
    groups: [],
    ...(told === undefined ? {} : { told }),
  }) as unknown as AtlasIndex;

test.each<[string, ToldAtImport | undefined, ToldAtImport | undefined, boolean]>([
  ["another modality", { modality: "rna" }, { modality: "nascent" }, false],
  ["the same modality", { modality: "rna" }, { modality: "rna" }, true],
  ["a modality where an older release noted none", undefined, { modality: "rna" }, true],
  ["a modality and other cells", { cell_type: "T cell" }, { modality: "rna" }, false],
  ["no modality", undefined, undefined, true],
])("%s of a file under the name of an atlas", (_, stands, made, isSame) => {
  const check = () => {
    checkSame(atlas(stands), atlas(made));
    return true;
  };
  if (isSame) expect(check()).toBe(true);
  else expect(check).toThrow(expect.objectContaining({ code: "ATLAS_EXISTS" }));
});
