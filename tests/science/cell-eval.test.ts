import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { stackRows } from "../../science/prompting/csr-rows.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import { cellEval } from "../../science/validation/cell-eval.ts";
import { logCells } from "../../science/validation/log-cells.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { selectCells } from "../support/kang.ts";
import { describeWithCellEval, runPython } from "../support/python.ts";

const atlas = simulateAtlas({
  seed: 5,
  nGenes: 300,
  nCellTypes: 3,
  nPerturbations: 2,
  nDonors: 3,
  cellsPerGroup: 15,
});

const column = (name: string) => atlas.obs.columns[name] as readonly string[];
const [types, labels, donors] = ["cell_type", "perturbation", "donor_id"].map(column) as [
  readonly string[],
  readonly string[],
  readonly string[],
];
const donorNames = [...new Set(donors)];
const [asked = "", other = ""] = [...new Set(labels)].filter((label) => label !== "control");
const typesUnder = (label: string) =>
  [...new Set(types.filter((_, cell) => labels[cell] === label))].toSorted();
const [type = "", another = ""] = typesUnder(asked);

/** Simulated cells, of the donors whose numbers are wanted. */
const cells = (cellType: string, label: string, wanted: (donor: number) => boolean): AnnData =>
  selectCells(
    atlas,
    ({ index }) =>
      types[index] === cellType &&
      labels[index] === label &&
      wanted(donorNames.indexOf(donors[index]!)),
  );

async function file(name: string, treated: AnnData, control: AnnData): Promise<string> {
  const path = join(await temporaryFolder(), `${name}.h5ad`);
  const n = treated.X.nRows + control.X.nRows;
  await writeH5ad(path, {
    ...treated,
    X: stackRows([treated.X, control.X], treated.X.nCols),
    obs: {
      index: Array.from({ length: n }, (_, cell) => `cell${cell}`),
      columns: {
        perturbation: Array.from({ length: n }, (_, cell) =>
          cell < treated.X.nRows ? "asked" : "control",
        ),
      },
    },
  });
  return path;
}

const log = ({ X }: AnnData) => logCells(X);
const all = () => true;

describeWithCellEval("the metrics of cell-eval", () => {
  test("are those of the package, whatever was predicted", async () => {
    const control = cells(type, "control", (donor) => donor !== 0);
    const query = cells(type, "control", (donor) => donor === 0);
    const cases = [
      {
        what: "another cell type",
        treated: cells(type, asked, all),
        predicted: cells(another, asked, all),
      },
      {
        what: "another perturbation",
        treated: cells(type, asked, all),
        predicted: cells(typesUnder(other)[0]!, other, all),
      },
      { what: "no effect", treated: cells(type, asked, all), predicted: query },
      {
        what: "a noisy truth",
        treated: cells(type, asked, (donor) => donor === 0),
        predicted: cells(type, asked, (donor) => donor === 2),
      },
    ];
    const program = await readFile(new URL("../support/cell-eval.py", import.meta.url), "utf8");
    const pairs = await Promise.all(
      cases.map(async ({ treated, predicted }) => ({
        real: await file("real", treated, control),
        pred: await file("pred", predicted, query),
      })),
    );
    const theirs = await runPython<Record<string, number | null>[]>(program, pairs);
    for (const [at, { what, treated, predicted }] of cases.entries()) {
      const ours = cellEval(
        { treated: log(treated), control: log(control) },
        { treated: log(predicted), control: log(query) },
      );
      expect(Object.keys(theirs[at]!)).toEqual(expect.arrayContaining(Object.keys(ours)));
      for (const [metric, value] of Object.entries(ours)) {
        const said = theirs[at]![metric] ?? null;
        expect([what, metric, value]).toEqual([
          what,
          metric,
          said === null ? Number.NaN : expect.closeTo(said, 6),
        ]);
      }
    }
  });
});
