import { halvesFor } from "../support/control-halves.ts";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { controlsToSplit } from "../../science/accuracy/control-halves.ts";
import { expectedAccuracy } from "../../science/accuracy/expected-accuracy.ts";
import { measuredUnits } from "../../science/accuracy/measured-units.ts";
import { predictionInterval } from "../../science/accuracy/prediction-interval.ts";
import { expectedOfTypes } from "../../science/accuracy/transfer.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import type { Withhold } from "../../science/atlas/withhold.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { choosePrompt } from "../../science/prompting/choose-prompt.ts";
import { perturbedGroups } from "../../science/prompting/retrieval.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { CONTROL_LABEL } from "../../science/simulate/experiment.ts";
import { simulateAtlas, type SimulationOptions } from "../../science/simulate/simulate-atlas.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const knowledge = loadKnowledge();

describe("the interval for one more correlation", () => {
  const apart = (values: readonly number[]) =>
    values.map((r, i) => ({ r, shift: 0, cluster: String(i) }));

  test("is that of Fisher's z and Student's t", () => {
    // mean and sd of atanh(0.6, 0.7, 0.8): 0.8863, 0.2044; t(2) at 95% 2.920; sqrt(1 + 1/3) 1.1547
    const interval = predictionInterval(apart([0.6, 0.7, 0.8]));
    expect(interval.pearson).toBeCloseTo(Math.tanh(0.88632), 4);
    expect(interval.low).toBeCloseTo(Math.tanh(0.88632 - 2.92 * 1.1547 * 0.20294), 2);
    expect(interval.high).toBeCloseTo(Math.tanh(0.88632 + 2.92 * 1.1547 * 0.20294), 2);
  });

  test("moves by what is expected of the further one, on the scale of Fisher's z", () => {
    const interval = predictionInterval([
      { r: 0.9, shift: 0.5, cluster: "a" },
      { r: 0.8, shift: 0.2, cluster: "b" },
    ]);
    expect(interval.pearson).toBeCloseTo(
      Math.tanh((Math.atanh(0.9) + 0.5 + Math.atanh(0.8) + 0.2) / 2),
      10,
    );
  });

  test("is wider where values of a cluster are alike, and not where they only share a name", () => {
    const values = [0.5, 0.51, 0.7, 0.71, 0.8, 0.81];
    const width = (clusters: readonly string[]) => {
      const { low, high } = predictionInterval(
        values.map((r, i) => ({ r, shift: 0, cluster: clusters[i]! })),
      );
      return high - low;
    };
    const alone = width(["a", "b", "c", "d", "e", "f"]);
    expect(width(["a", "a", "b", "b", "c", "c"])).toBeGreaterThan(alone * 1.1);
    expect(width(["a", "b", "c", "a", "b", "c"])).toBeCloseTo(alone, 10);
  });

  test.each([
    [0.8, ["a", "a", "b", "b", "c", "c"]],
    [0.8, ["a", "b", "c", "a"]],
    [1, ["a", "a", "b", "c"]],
    [0, ["a", "a", "a", "b", "c"]],
  ])("of values that are all %s is that value, whatever their clusters", (r, clusters) => {
    const found = predictionInterval(clusters.map((cluster) => ({ r, shift: 0, cluster })));
    for (const value of [found.pearson, found.low, found.high]) expect(value).toBeCloseTo(r, 3);
  });

  test("is bounded by -1 and 1", () => {
    const { low, high } = predictionInterval(apart([1, -1, 0]));
    expect(low).toBeGreaterThanOrEqual(-1);
    expect(high).toBeLessThanOrEqual(1);
  });
});

describe("expected accuracy", () => {
  /** Of the first prompt for a cell type of a simulated atlas, with its answer withheld. */
  async function expectedOf(
    options: Omit<SimulationOptions, "seed">,
    what: NonNullable<Withhold["what"]>,
    ask: (label: string) => string = (label) => label,
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
      `How would ${cell_type} respond to ${ask(perturbation)}?`,
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
    const halves = await halvesFor(query, atlas, folder);
    return {
      expected: expectedAccuracy(query, chosen, { atlases: [atlas], halves }),
      chosen,
      atlas,
      controls: controlsToSplit(query, atlas),
      halves,
    };
  }

  test("is learned from the other cell types", async () => {
    const { expected } = await expectedOf({ nCellTypes: 6, nPerturbations: 2, nDonors: 2 }, [
      "cell-type",
    ]);
    expect(expected).toMatchObject({ known: true, left_out: "cell types" });
    if (!expected.known) return;
    expect(expected.low).toBeLessThan(expected.pearson);
    expect(expected.high).toBeGreaterThan(expected.pearson);
    expect(expected.pearson).toBeGreaterThan(0.3);
  });

  test("is learned from other donors where a donor's cell type is measured in them", async () => {
    const { expected } = await expectedOf({ nCellTypes: 3, nPerturbations: 2, nDonors: 4 }, [
      "donor",
    ]);
    expect(expected).toMatchObject({ known: true, left_out: "donors" });
  });

  test("is unknown where too few responses are left, and says how many it takes", async () => {
    const { expected } = await expectedOf({ nCellTypes: 3, nPerturbations: 2, nDonors: 1 }, [
      "cell-type",
    ]);
    expect(expected.known).toBe(false);
    expect(expected).toHaveProperty("reason", expect.stringMatching(/it takes 3 to tell/));
  });

  test("is unknown where another perturbation stands in", async () => {
    const { expected, chosen } = await expectedOf(
      { nCellTypes: 4, nPerturbations: 6, nDonors: 2 },
      ["perturbation"],
    );
    expect(chosen.stand_in).toBeDefined();
    expect(expected).toHaveProperty("reason", expect.stringContaining("stands in"));
  });

  test("holds a prediction against one half of the controls and compares the other", async () => {
    const { atlas, controls, halves } = await expectedOf(
      { nCellTypes: 4, nPerturbations: 2, nDonors: 2 },
      ["cell-type"],
    );
    const measured = perturbedGroups([atlas]).filter(
      ({ group }) => group.perturbation !== CONTROL_LABEL,
    );
    const units = measuredUnits(atlas, measured, true, halves);
    expect(units.length).toBeGreaterThan(2);
    for (const { control, query, truth, delta } of units) {
      // The same treated cells: what differs is control cells alone.
      const other = control.map((mean, gene) => delta[gene]! + mean - truth[gene]!);
      expect(pearson(query, other)).toBeLessThan(0.999);
      expect(pearson(query, control)).toBeGreaterThan(pearson(query, other));
    }
    expect(controls.every(({ is_control }) => is_control)).toBe(true);
  });

  test("expects more where a twin of the asked cells is shown", () => {
    const unit = (seed: number, cells = 200) => ({
      control: Float64Array.from({ length: 50 }, (_, gene) => Math.sin(gene * seed)),
      delta: new Float64Array(50),
      cells,
    });
    const far = [unit(2), unit(3), unit(5)];
    const query = unit(7).control;
    const third = [1 / 3, 1 / 3, 1 / 3];
    const without = expectedOfTypes(query, far, third);
    const twin = expectedOfTypes(query, [unit(7), ...far], [0.97, 0.01, 0.01, 0.01]);
    expect(twin).toBeGreaterThan(without);
    expect(Math.tanh(twin)).toBeLessThan(1);
  });
});
