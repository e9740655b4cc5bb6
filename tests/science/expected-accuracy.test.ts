import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectedAccuracy } from "../../science/accuracy/expected-accuracy.ts";
import { measuredResponses, scoreMeasured } from "../../science/accuracy/measured-plausibility.ts";
import { predictionInterval } from "../../science/accuracy/prediction-interval.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import type { Withhold } from "../../science/atlas/withhold.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { choosePrompt } from "../../science/prompting/choose-prompt.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { CONTROL_LABEL } from "../../science/simulate/experiment.ts";
import { simulateAtlas, type SimulationOptions } from "../../science/simulate/simulate-atlas.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const knowledge = loadKnowledge();

describe("the interval for one more correlation", () => {
  test("is that of Fisher's z and Student's t", () => {
    // mean and sd of atanh(0.6, 0.7, 0.8): 0.8863, 0.2044; t(2) at 95% 2.920; sqrt(1 + 1/3) 1.1547
    const { pearson, low, high } = predictionInterval([0.6, 0.7, 0.8]);
    expect(pearson).toBeCloseTo(Math.tanh(0.88632), 4);
    expect(low).toBeCloseTo(Math.tanh(0.88632 - 2.92 * 1.1547 * 0.20294), 2);
    expect(high).toBeCloseTo(Math.tanh(0.88632 + 2.92 * 1.1547 * 0.20294), 2);
  });

  test("is wider where values come in clusters, and is bounded by -1 and 1", () => {
    const values = [0.5, 0.6, 0.7, 0.8, 0.55, 0.65];
    const [apart, clustered] = [predictionInterval(values), predictionInterval(values, 3)];
    expect(clustered.pearson).toBe(apart.pearson);
    expect(clustered.high - clustered.low).toBeGreaterThan(apart.high - apart.low);
    const { low, high } = predictionInterval([1, -1, 0]);
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
    return { expected: expectedAccuracy(query, chosen, [atlas]), chosen, atlas, query };
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

  test("the scores of measured responses are those of the atlas, without the answer", async () => {
    const { chosen, atlas, query } = await expectedOf(
      { nCellTypes: 4, nPerturbations: 2, nDonors: 2 },
      ["cell-type"],
    );
    const measured = measuredResponses(chosen, [atlas]);
    const types = measured?.responses.map(({ treated }) => treated[0]!.cell_type) ?? [];
    expect(types.length).toBeGreaterThan(1);
    expect(types).not.toContain(query.cell_type.atlas_labels[0]);
    for (const response of measured?.responses ?? []) {
      expect(response.treated.every(({ is_control }) => !is_control)).toBe(true);
      expect(response.control.every(({ is_control }) => is_control)).toBe(true);
      const score = await scoreMeasured(atlas.dir, response, { query, knowledge, seed: 1 });
      const swapped = await scoreMeasured(
        atlas.dir,
        { treated: response.control, control: response.treated },
        { query, knowledge, seed: 1 },
      );
      expect(score).toBeGreaterThan(swapped);
    }
  });
});
