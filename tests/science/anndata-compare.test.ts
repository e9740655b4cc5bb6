import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { anndataDifferences, differencesOf } from "../../science/anndata/compare.ts";

/** Two cells x three genes: [[1, 0, 2], [0, 3, 0]]. */
const matrix = () => ({
  nRows: 2,
  nCols: 3,
  data: Float32Array.of(1, 2, 3),
  indices: Int32Array.of(0, 2, 1),
  indptr: Int32Array.of(0, 2, 3),
});
const cells = (changes: Partial<AnnData> = {}): AnnData => ({
  X: matrix(),
  layers: { model: matrix() },
  obs: { index: ["c1", "c2"], columns: { type: ["B", null], flag: [true, false] } },
  var: {
    index: ["g1", "g2", "g3"],
    columns: { lfc: Float64Array.of(1, Number.NaN, -0.5), rank: Int32Array.of(1, 2, 3) },
  },
  uns: { seed: 7, table: { score: Float64Array.of(1, 2), name: ["a", "b"] }, text: "{}" },
  ...changes,
});

test("equal values are equal, NaN too", () => {
  expect(anndataDifferences(cells(), cells())).toEqual([]);
});

const other = (part: Partial<ReturnType<typeof matrix>>) => ({ ...matrix(), ...part });
const { obs, var: genes, uns } = cells();

test.each<
  [string, Partial<AnnData>, { where: string; before: string; now: string; values: number }]
>([
  [
    "a stored value",
    { X: other({ data: Float32Array.of(1, 2.5, 3) }) },
    { where: "X[1, 3]", before: "2", now: "2.5", values: 1 },
  ],
  [
    "values in other places",
    { X: other({ indices: Int32Array.of(0, 1, 1) }) },
    { where: "X[1, 3]", before: "2", now: "0", values: 2 },
  ],
  [
    "the shape",
    { X: other({ nCols: 4 }) },
    { where: "X.shape[2]", before: "3", now: "4", values: 1 },
  ],
  [
    "a layer",
    { layers: { model: other({ data: Float32Array.of(9, 9, 9) }) } },
    { where: "layers.model[1, 1]", before: "1", now: "9", values: 3 },
  ],
  [
    "a layer that is gone",
    { layers: {} },
    { where: "layers.model.shape", before: "[2,3]", now: "absent", values: 1 },
  ],
  [
    "the order of the cells",
    { obs: { ...obs, index: ["c2", "c1"] } },
    { where: "obs.index[1]", before: '"c1"', now: '"c2"', values: 2 },
  ],
  [
    "a label",
    { obs: { ...obs, columns: { ...obs.columns, type: ["B", "T"] } } },
    { where: "obs.type[2]", before: "null", now: '"T"', values: 1 },
  ],
  [
    "a flag",
    { obs: { ...obs, columns: { ...obs.columns, flag: [true, true] } } },
    { where: "obs.flag[2]", before: "false", now: "true", values: 1 },
  ],
  [
    "the last bit of a number",
    {
      var: {
        ...genes,
        columns: { ...genes.columns, lfc: Float64Array.of(1, Number.NaN, -0.5 - 2 ** -53) },
      },
    },
    { where: "var.lfc[3]", before: "-0.5", now: "-0.5000000000000001", values: 1 },
  ],
  [
    "a number that was none",
    { var: { ...genes, columns: { ...genes.columns, lfc: Float64Array.of(1, 0, -0.5) } } },
    { where: "var.lfc[2]", before: "NaN", now: "0", values: 1 },
  ],
  [
    "a column that is new",
    { var: { ...genes, columns: { ...genes.columns, more: Int32Array.of(1, 2, 3) } } },
    { where: "var.more", before: "absent", now: expect.any(String) as string, values: 1 },
  ],
  ["uns", { uns: { ...uns, seed: 8 } }, { where: "uns.seed", before: "7", now: "8", values: 1 }],
  [
    "a table in uns",
    { uns: { ...uns, table: { score: Float64Array.of(1, 2.5), name: ["a", "b"] } } },
    { where: "uns.table.score[2]", before: "2", now: "2.5", values: 1 },
  ],
])("%s that is another is named", (_, changes, expected) => {
  expect(anndataDifferences(cells(), cells(changes))).toEqual([expected]);
});

test("of lists of parts what both have is compared, and long texts are cut", () => {
  const found = differencesOf(
    { rounds: [{ score: 1 }, { score: 2 }], text: "x".repeat(500) },
    { rounds: [{ score: 3 }], text: "" },
    "run",
  );
  expect(found.map(({ where, before }) => [where, before.length <= 203])).toEqual([
    ["run.rounds.length", true],
    ["run.rounds[1].score", true],
    ["run.text", true],
  ]);
});
