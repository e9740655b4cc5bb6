import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { stackRows } from "../../science/prompting/csr-rows.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import {
  panelMember,
  scaled,
  VCC2026_METRICS,
  vcc2026,
  type Vcc2026,
} from "../../science/validation/vcc2026.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { selectCells } from "../support/kang.ts";
import { describeWithCellEval, runPython } from "../support/python.ts";

const atlas = simulateAtlas({
  seed: 11,
  nGenes: 260,
  nCellTypes: 3,
  nPerturbations: 5,
  nDonors: 3,
  cellsPerGroup: 25,
});
const genes = atlas.var.index;
const column = (name: string) => atlas.obs.columns[name] as readonly string[];
const [types, labels, donors] = ["cell_type", "perturbation", "donor_id"].map(column) as [
  readonly string[],
  readonly string[],
  readonly string[],
];
const [firstDonor] = donors;

const cells = (type: string, label: string, donor: "first" | "other" | "any"): AnnData =>
  selectCells(
    atlas,
    ({ index }) =>
      types[index] === type &&
      labels[index] === label &&
      (donor === "any" || (donors[index] === firstDonor) === (donor === "first")),
  );

/** What was measured of a cell type, in the first donor and in others. */
const askedOf = (type: string): string[] =>
  [...new Set(labels)].filter(
    (label) =>
      label !== "control" &&
      cells(type, label, "first").X.nRows > 0 &&
      cells(type, label, "other").X.nRows > 0,
  );
const [type = "", otherType = ""] = [...new Set(types)].toSorted(
  (a, b) => askedOf(b).length - askedOf(a).length,
);
const asked = askedOf(type);

/** One of the perturbations is named after a gene that it changes: its own gene counts in nothing. */
const ownGene = genes[7]!;
const nameOf = (label: string) => (label === asked[0] ? ownGene : label);

interface Panel {
  readonly what: string;
  readonly perturbations: readonly string[];
  readonly real: (label: string) => AnnData;
  readonly pred: (label: string) => AnnData;
  readonly control: AnnData;
  /** Absent: the predictions are compared with the controls of the truth. */
  readonly predControl?: AnnData;
}

const control = cells(type, "control", "other");
const PANELS: readonly Panel[] = [
  {
    what: "the other donor's cells as prediction",
    perturbations: asked,
    real: (label) => cells(type, label, "other"),
    pred: (label) => cells(type, label, "first"),
    control,
  },
  {
    what: "the same cells for all",
    perturbations: asked,
    real: (label) => cells(type, label, "other"),
    pred: () => cells(type, asked[1]!, "first"),
    control,
  },
  {
    what: "no effect",
    perturbations: asked,
    real: (label) => cells(type, label, "any"),
    pred: () => cells(type, "control", "first"),
    control,
  },
  {
    what: "the cells of another type, and one perturbation",
    perturbations: asked.slice(0, 1),
    real: (label) => cells(type, label, "any"),
    pred: (label) => cells(otherType, label, "any"),
    control,
  },
  {
    what: "a repeated experiment",
    perturbations: asked,
    real: (label) => cells(type, label, "other"),
    pred: (label) => cells(type, label, "first"),
    control,
    predControl: cells(type, "control", "first"),
  },
];

async function file(name: string, parts: readonly (readonly [string, AnnData])[]): Promise<string> {
  const path = join(await temporaryFolder(), `${name}.h5ad`);
  const perturbation = parts.flatMap(([label, { X }]) =>
    Array.from({ length: X.nRows }, () => label),
  );
  await writeH5ad(path, {
    X: stackRows(
      parts.map(([, { X }]) => X),
      genes.length,
    ),
    obs: { index: perturbation.map((_, cell) => `cell${cell}`), columns: { perturbation } },
    var: atlas.var,
    uns: {},
  });
  return path;
}

const ofPanel = ({ perturbations, real, pred, control: ofReal, predControl }: Panel) =>
  vcc2026([
    perturbations.map((label) =>
      panelMember({
        genes,
        perturbation: nameOf(label),
        real: { treated: real(label).X, control: ofReal.X },
        pred: { treated: pred(label).X, control: (predControl ?? ofReal).X },
      }),
    ),
  ]);

type Said = Readonly<Record<keyof Vcc2026, number | null>>;

const agree = (what: string, ours: Vcc2026, theirs: Said, names: readonly (keyof Vcc2026)[]) => {
  for (const name of names)
    expect([what, name, ours[name]]).toEqual([
      what,
      name,
      theirs[name] === null ? Number.NaN : expect.closeTo(theirs[name], 6),
    ]);
};

describeWithCellEval("the six metrics of the vcc2026 suite", () => {
  test("are those of cell-eval2, of each perturbation, of the panel, and scaled", async () => {
    expect(asked.length).toBeGreaterThanOrEqual(3);
    const panels = await Promise.all(
      PANELS.map(async (panel) => {
        const side = (of: (label: string) => AnnData, own: AnnData) =>
          [
            ["control", own] as const,
            ...panel.perturbations.map((label) => [nameOf(label), of(label)] as const),
          ] as const;
        return {
          real: await file("real", side(panel.real, panel.control)),
          pred: await file("pred", side(panel.pred, panel.predControl ?? panel.control)),
          control_source: panel.predControl === undefined ? "real" : "pred",
          targets: Object.fromEntries(asked.slice(1).map((label) => [label, null])),
        };
      }),
    );
    const ours = PANELS.map(ofPanel);
    const [value, mean, , , repeated] = ours.map(({ whole }) => whole);
    const program = await readFile(new URL("../support/cell-eval2.py", import.meta.url), "utf8");
    const theirs = await runPython<{
      panels: { each: Record<string, Said>; whole: Said }[];
      scaled: Said[];
      names: string[];
    }>(program, { panels, scaled: [{ value, mean, repeated }] });
    expect(theirs.names.toSorted()).toEqual(VCC2026_METRICS.toSorted());
    const ofEach = VCC2026_METRICS.filter((name) => name !== "expr_mse_unbiased_capped_norm");
    PANELS.forEach(({ what, perturbations }, at) => {
      const { each, whole } = theirs.panels[at]!;
      const alone = perturbations.length === 1;
      const known = alone ? ofEach.filter((name) => name !== "pds_cosine") : ofEach;
      perturbations.forEach((label, one) =>
        agree(`${what}, ${nameOf(label)}`, ours[at]!.each[0]![one]!, each[nameOf(label)]!, known),
      );
      agree(what, ours[at]!.whole, whole, [...known, "expr_mse_unbiased_capped_norm"]);
    });
    agree("scaled", scaled(value!, mean!, repeated!), theirs.scaled[0]!, VCC2026_METRICS);
  });
});

test("panels are judged apart, and together have the mean of their members and the ratio of sums", () => {
  const member = (label: string) =>
    panelMember({
      genes,
      perturbation: nameOf(label),
      real: { treated: cells(type, label, "other").X, control: control.X },
      pred: { treated: cells(type, label, "first").X, control: control.X },
    });
  const [a, b, c] = [asked[0]!, asked[1]!, asked[2]!].map(member);
  const together = vcc2026([[a!, b!], [c!]]);
  const [pair, single] = [vcc2026([[a!, b!]]), vcc2026([[c!]])];
  expect(together.each).toEqual([...pair.each, ...single.each]);
  expect(together.whole.pds_cosine).toBe(pair.whole.pds_cosine);
  const errors = [pair, single].map(({ whole }) => whole.expr_mse_unbiased_capped_norm);
  expect(together.whole.expr_mse_unbiased_capped_norm).toBeGreaterThan(Math.min(...errors));
  expect(together.whole.expr_mse_unbiased_capped_norm).toBeLessThan(Math.max(...errors));
});

test("a panel of one tells nothing of discrimination", () => {
  expect(ofPanel(PANELS[3]!).whole.pds_cosine).toBeNaN();
});

test("a repeated experiment no better than the mean response gives no scale", () => {
  const half: Vcc2026 = {
    pds_cosine: 0.5,
    expr_mse_unbiased_capped_norm: 0.5,
    direction_fidelity_yield_raw: 0.5,
    direction_reach_raw: 0.5,
    sig_jaccard: 0.5,
    lfc_nmae: 0.5,
  };
  for (const value of Object.values(scaled(half, half, half))) expect(value).toBeNaN();
});
