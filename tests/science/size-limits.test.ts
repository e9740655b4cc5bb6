import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openHdf5 } from "../../science/anndata/hdf5.ts";
import { createHdf5 } from "../../science/anndata/hdf5-create.ts";
import { LargeMap } from "../../science/anndata/large-map.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { groupCells, uniqueNames } from "../../science/atlas/cell-groups.ts";
import { findControls } from "../../science/atlas/columns/controls.ts";
import { checkLabelCount, codedLabels } from "../../science/atlas/columns/labels.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { MOST_GROUPS } from "../../science/atlas/limits.ts";
import { smallAtlas, temporaryFolder } from "./anndata-files.ts";

const nothingKnown = { cellOntologyId: () => null, perturbationId: () => null };

/** A file that declares more texts than a list can hold, in a few kilobytes. */
async function manyTexts(count: number): Promise<string> {
  const path = join(await temporaryFolder(), "many.h5");
  await createHdf5(path, (file) => {
    const given = { name: "names", data: ["x"], dtype: "S1", shape: [1] };
    file.create_dataset({ ...given, maxshape: [count], chunks: [1_000_000] }).resize([count]);
    // A file is believed to hold a thousand times its size, which deflate may have made small.
    const weight = Float64Array.from({ length: 50_000 }, (_, at) => Math.sin(at));
    file.create_dataset({ name: "weight", data: weight });
  });
  return path;
}

const numbered = (count: number, stem: string): string[] =>
  Array.from({ length: count }, (_, at) => `${stem}${at}`);

/** What is larger than V8 or an index can hold, and what is said of it. */
const TOO_MANY: readonly {
  readonly what: string;
  readonly code: string;
  readonly says: RegExp;
  readonly make: () => unknown;
}[] = [
  {
    what: "texts in one list",
    code: "ANNDATA_UNSUPPORTED",
    says: /100000001 texts, more than the 100000000 that can be read; split the file/,
    async make() {
      const file = await openHdf5(await manyTexts(100_000_001));
      try {
        return file.text("names");
      } finally {
        file.close();
      }
    },
  },
  {
    what: "labels of a column that was named",
    code: "GROUP_EMPTY",
    says: /Column "barcode" would make more than 500000 cell groups.*--perturbation-column/,
    make: () => checkLabelCount(codedLabels("barcode", numbered(MOST_GROUPS + 1, "b"))),
  },
  {
    what: "combinations of labels, each of few",
    code: "GROUP_EMPTY",
    says: /together would make more than 500000 cell groups/,
    make() {
      const cells = MOST_GROUPS + 1_000;
      const labels = (each: (cell: number) => number) =>
        Array.from({ length: cells }, (_, cell) => `l${each(cell)}`);
      return groupCells(
        {
          cellType: labels((cell) => cell % 100),
          perturbation: labels((cell) => Math.floor(cell / 100) % 100),
          donor: labels((cell) => Math.floor(cell / 10_000)),
        },
        "data",
        { controls: ["l0"] },
        nothingKnown,
      );
    },
  },
];

describe("more than fits", () => {
  it.each(TOO_MANY)("$what: one sentence", async ({ code, says, make }) => {
    await expect((async () => make())()).rejects.toMatchObject({
      code,
      retryable: false,
      message: expect.stringMatching(says) as string,
    });
  });

  it("a column with a value in every cell is refused where it is named, before groups are made", async () => {
    const folder = await temporaryFolder();
    const source = join(folder, "small.h5ad");
    const cells = MOST_GROUPS + 1;
    const { X, var: genes } = smallAtlas();
    await writeH5ad(source, {
      X: {
        ...X,
        nRows: cells,
        indptr: Int32Array.from({ length: cells + 1 }, (_, row) => X.indptr[Math.min(row, 8)]!),
      },
      obs: {
        index: numbered(cells, "c"),
        columns: {
          cell_type: Array.from({ length: cells }, () => "T cell"),
          perturbation: Array.from({ length: cells }, (_, at) => (at % 2 === 0 ? "control" : "a")),
          barcode: Int32Array.from({ length: cells }, (_, at) => at),
        },
      },
      var: genes,
      uns: {},
    });
    for (const column of ["donor", "perturbation"] as const)
      await expect(
        importAtlas(
          { source, outDir: join(folder, column), columns: { [column]: "barcode" } },
          nothingKnown,
        ),
      ).rejects.toMatchObject({
        code: "GROUP_EMPTY",
        message: expect.stringMatching(/Column "barcode" would make more than 500000/) as string,
      });
  });
});

describe("as many as there are", () => {
  it("a map of several maps is one map", () => {
    const [large, one] = [new LargeMap<number>(3), new Map<string, number>()];
    for (let step = 0; step < 200; step += 1) {
      const key = `k${(step * 7) % 40}`;
      for (const map of [large, one]) map.set(key, step);
      expect([large.size, large.get(key)]).toEqual([one.size, step]);
    }
    expect([...large.entries()]).toEqual([...one]);
    expect(large.get("none")).toBeUndefined();
  });

  it("names stay unique", () => {
    const names = ["a", "b", "a", "a-1", "a", "b"];
    expect(uniqueNames(names)).toEqual({
      names: ["a", "b", "a-2", "a-1", "a-3", "b-1"],
      renamed: 3,
    });
  });

  it("hundreds of thousands of guides may all be controls", () => {
    const guides = numbered(300_000, "non-targeting_");
    const column = codedLabels("guide", [...guides, "STAT1"]);
    const controls = findControls(column, (word) => word === "STAT1");
    expect(controls?.pooled).toHaveLength(guides.length);
  });
});
