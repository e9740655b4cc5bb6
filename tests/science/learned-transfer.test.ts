import { halvesFor } from "../support/control-halves.ts";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chooseTransfer, transferCorrection } from "../../science/accuracy/learned-transfer.ts";
import { Ridge } from "../../science/accuracy/ridge.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import type { Withhold } from "../../science/atlas/withhold.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import {
  correctionOf,
  deltaTransfer,
  withCorrection,
} from "../../science/inference/delta-transfer.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { choosePrompt } from "../../science/prompting/choose-prompt.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { CONTROL_LABEL } from "../../science/simulate/experiment.ts";
import { simulateAtlas, type SimulationOptions } from "../../science/simulate/simulate-atlas.ts";
import { meanProfile } from "../../science/statistics/normalise.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { adataOf } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";

const knowledge = loadKnowledge();

describeWithPython("ridge regression", () => {
  test("is scikit-learn's, with the penalty in units of each feature", async () => {
    const columns = [1, 2, 3].map((step) =>
      Float64Array.from({ length: 40 }, (_, i) => step * Math.sin(step * i + 1)),
    );
    const target = Float64Array.from({ length: 40 }, (_, i) => Math.cos(i));
    const ridge = new Ridge(3);
    const part = (values: Float64Array, at: number) => values.slice(20 * at, 20 * at + 20);
    for (const at of [0, 1])
      ridge.add(
        columns.map((column) => part(column, at)),
        part(target, at),
      );
    const found = await runPython<number[]>(
      `
import json, sys
import numpy as np
from sklearn.linear_model import Ridge
X, y, penalty = json.loads(sys.argv[1])
X = np.array(X).T
size = np.sqrt((X ** 2).mean(0))
print(json.dumps(list(Ridge(alpha=penalty * len(y), fit_intercept=False).fit(X / size, y).coef_ / size)))
`,
      [columns.map((column) => [...column]), [...target], 0.3],
    );
    ridge.solve(0.3).forEach((b, i) => expect(b).toBeCloseTo(found[i]!, 9));
  });
});

describe("the transfer of a run", () => {
  async function asked(
    options: Omit<SimulationOptions, "seed">,
    what: NonNullable<Withhold["what"]> = ["cell-type"],
  ) {
    const folder = await temporaryFolder();
    const source = join(folder, "simulated.h5ad");
    await writeH5ad(source, simulateAtlas({ seed: 3, nGenes: 200, ...options }));
    const dir = join(folder, "atlas");
    const index = await importAtlas({ source, outDir: dir }, labelResolver(knowledge));
    const { cell_type, perturbation, donor } = index.groups.find(
      (group) => !group.is_control && group.perturbation !== CONTROL_LABEL,
    )!;
    const atlas = await openAtlas(dir, {
      withhold: { cell_type, perturbation, donor, what, split_seed: 1 },
    });
    const query = understandQuestion(
      `How would ${cell_type} respond to ${perturbation}?`,
      [atlas.index],
      knowledge,
    );
    const { chosen } = choosePrompt({
      query,
      atlases: [atlas],
      knowledge,
      controlStrategy: "synthetic_control",
      promptCells: 512,
      queryCells: 1000,
      history: [],
      seed: 1,
    });
    const evidence = { atlases: [atlas], halves: await halvesFor(query, atlas, folder) };
    return { query, chosen, atlas, transfer: chooseTransfer(query, chosen, evidence) };
  }

  test("is learned only where no left-out response loses more than 0.05", async () => {
    const { query, chosen, atlas, transfer } = await asked({
      nCellTypes: 6,
      nPerturbations: 2,
      nDonors: 2,
    });
    if (transfer.kind !== "learned") throw new Error(transfer.reason);
    expect(transfer.most_lost).toBeLessThanOrEqual(0.05);
    expect(transfer.pearson_gain).toBeGreaterThanOrEqual(0);
    expect(transfer.mse_ratio).toBeLessThan(1);
    const correction = transferCorrection(query, chosen, [atlas], transfer.coefficients)!;
    expect(correction).toHaveLength(atlas.index.n_genes);
    expect(correction.some((value) => value !== 0)).toBe(true);
    expect(transferCorrection(query, chosen, [atlas], [0, 0, 0, 0])!.every((b) => b === 0)).toBe(
      true,
    );
  });

  test("is delta transfer, with the reason, where too few responses can be left out", async () => {
    const { transfer } = await asked({ nCellTypes: 3, nPerturbations: 2, nDonors: 1 });
    expect(transfer).toEqual({
      kind: "delta",
      reason: expect.stringMatching(/It takes 3 measured responses .* the atlas has 0\./),
    });
  });

  test("is delta transfer where another perturbation stands in", async () => {
    const { transfer } = await asked({ nCellTypes: 4, nPerturbations: 6, nDonors: 2 }, [
      "perturbation",
    ]);
    expect(transfer).toHaveProperty("reason", expect.stringContaining("another perturbation"));
  });
});

describe("the baseline", () => {
  const query = adataOf(
    [
      [1, 9, 90],
      [2, 8, 90],
    ],
    ["A", "B", "C"],
  );
  const prompt = adataOf(
    [
      [4, 6, 90],
      [5, 5, 90],
    ],
    ["A", "B", "C"],
  );

  test("adds the correction that a prompt carries to its mean, and never goes below zero", () => {
    const correction = Float64Array.of(0.5, -100, 0);
    const made = deltaTransfer(withCorrection(prompt, correction), query);
    const plain = deltaTransfer(prompt, query);
    expect(made.uns).toMatchObject({ model: "delta-transfer", transfer: "learned" });
    expect(plain.uns).toMatchObject({ transfer: "delta" });
    expect(made.X.data.every((value) => value >= 0)).toBe(true);
    expect(meanProfile(made.X)[0]).toBeGreaterThan(meanProfile(plain.X)[0]!);
    expect(meanProfile(made.X)[1]).toBe(0);
    expect(correctionOf(withCorrection(prompt, correction), ["C", "A", "D"])).toEqual(
      Float64Array.of(0, 0.5, 0),
    );
    expect(correctionOf(withCorrection(prompt, correction), ["B"])![0]).toBeCloseTo(
      -meanProfile(prompt.X)[1]!,
      6,
    );
    expect(correctionOf(prompt, ["A"])).toBeUndefined();
  });
});
