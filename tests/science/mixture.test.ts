import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bestMixture, gains } from "../../science/accuracy/best-mixture.ts";
import type { ControlHalves } from "../../science/accuracy/control-halves.ts";
import { expectedAccuracy, leaveOut } from "../../science/accuracy/expected-accuracy.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { AnnData } from "../../science/anndata/anndata.ts";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { mixedPrompt } from "../../science/prompting/mixed-prompts.ts";
import type { PromptCandidate, PromptPart } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import { mixedPredictions, pooledCells } from "../../science/response/mixed-cells.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { halvesFor } from "../support/control-halves.ts";
import { adataOf } from "../support/kang.ts";

const knowledge = loadKnowledge();

const part = (group_id: string, weight: number, cells = 10): PromptPart => ({
  group_id,
  n_cells: cells,
  control_group_id: `control of ${group_id}`,
  n_control_cells: cells,
  weight,
});

const promptOf = (parts: readonly PromptPart[]): PromptCandidate => ({
  candidate_id: parts.map(({ group_id }) => group_id).join("+"),
  strategy: "direct",
  parts,
  rank_score: 0.5,
  control_similarity: 0.8,
  rationale: "Why.",
});

describe("several prompts as one", () => {
  test("have their parts in equal shares of the prompts, a group that several show once", () => {
    const { chosen } = mixedPrompt([
      { chosen: promptOf([part("a", 0.25, 5), part("b", 0.75, 15)]) },
      { chosen: { ...promptOf([part("b", 1, 20)]), control_similarity: 0.6 } },
    ]);
    expect(
      chosen.parts.map(({ group_id, weight, n_cells }) => [group_id, weight, n_cells]),
    ).toEqual([
      ["a", 0.125, 5],
      ["b", 0.875, 20],
    ]);
    expect(chosen.control_similarity).toBeCloseTo(0.7, 12);
    expect(chosen.rationale).toContain("2 prompts in equal shares");
  });

  const cells = (rows: number[][], names: string[]): AnnData => {
    const made = adataOf(rows, ["g1", "g2"]);
    return { ...made, obs: { index: names, columns: { group_id: names.map(() => "a") } } };
  };

  test("give each cell as one of them predicts it, in turn", () => {
    const names = ["w", "x", "y", "z"];
    const one = cells(
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 4],
      ],
      names,
    );
    const other = cells(
      [
        [10, 0],
        [20, 0],
        [30, 0],
        [0, 40],
      ],
      names,
    );
    const { X, obs } = mixedPredictions([one, other]);
    expect([...X.indptr]).toEqual([0, 2, 3, 5, 6]);
    expect([...X.data]).toEqual([1, 1, 20, 3, 3, 40]);
    expect([...X.indices]).toEqual([0, 1, 0, 0, 1, 1]);
    expect(obs.index).toEqual(names);
    expect(mixedPredictions([one])).toBe(one);
    expect(() => mixedPredictions([one, cells([[1, 1]], ["w"])])).toThrow(/same cells and genes/);
  });

  test("show a cell that is in both of them once", () => {
    const one = cells(
      [
        [1, 1],
        [2, 2],
      ],
      ["w", "x"],
    );
    const { X, obs } = pooledCells([
      one,
      cells(
        [
          [2, 2],
          [3, 0],
        ],
        ["x", "y"],
      ),
    ]);
    expect(obs.index).toEqual(["w", "x", "y"]);
    expect(obs.columns["group_id"]).toEqual(["a", "a", "a"]);
    expect([...X.data]).toEqual([1, 1, 2, 2, 3]);
    expect(pooledCells([one])).toBe(one);
  });
});

describe("what is expected of a mixture", () => {
  let folder: string;
  let query: StructuredQuery;
  let atlas: OpenAtlas;
  let halves: ControlHalves;
  /** A prompt of each cell type but the asked one. */
  let prompts: PromptCandidate[];

  async function simulated(): Promise<void> {
    folder = await mkdtemp(join(tmpdir(), "haystack-mixture-"));
    const source = join(folder, "simulated.h5ad");
    await writeH5ad(
      source,
      simulateAtlas({
        seed: 5,
        nGenes: 300,
        nCellTypes: 7,
        nPerturbations: 2,
        nDonors: 2,
        cellsPerGroup: 25,
      }),
    );
    const dir = join(folder, "atlas");
    const index = await importAtlas({ source, outDir: dir }, labelResolver(knowledge));
    const asked = index.groups.find((group) => !group.is_control)!;
    const { cell_type, perturbation, donor } = asked;
    atlas = await openAtlas(dir, {
      withhold: { cell_type, perturbation, donor, what: ["cell-type"], split_seed: 1 },
    });
    query = understandQuestion(
      `How would ${cell_type} respond to ${perturbation}?`,
      [atlas.index],
      knowledge,
    );
    halves = await halvesFor(query, atlas, folder);
    const shown = atlas.index.groups.filter(
      (group) => group.perturbation === perturbation && group.cell_type !== cell_type,
    );
    prompts = [...Map.groupBy(shown, (group) => group.cell_type).values()].map((groups) =>
      promptOf(
        groups.map((group) => ({
          ...part(group.group_id, 1 / groups.length),
          control_group_id: group.control_group_id,
        })),
      ),
    );
  }
  beforeAll(simulated);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const evidence = () => ({ atlases: [atlas], halves });

  test("is what the mean of the predictions reaches on left-out responses", () => {
    const [one, other] = [prompts[0]!, prompts[1]!];
    const deltas = new Map(
      [one, other].map((prompt) => [prompt, leaveOut(query, [prompt], evidence()).found]),
    );
    const together = leaveOut(query, [one, other], evidence()).found;
    expect(together.size).toBeGreaterThan(3);
    for (const target of together.keys())
      for (const found of deltas.values()) expect(found.has(target)).toBe(true);
    for (const [target, { r }] of together) {
      const shares = [one, other].map((prompt) => {
        const type = atlas.index.groups.find(
          ({ group_id }) => group_id === prompt.parts[0]!.group_id,
        )!.cell_type;
        const units = [...together.keys()];
        const same = units.find(
          ({ cellType }) => cellType === type && cellType !== target.cellType,
        );
        if (same !== undefined) return same.delta;
        const nearest = units
          .filter((each) => each !== target)
          .toSorted((a, b) => pearson(b.control, target.query) - pearson(a.control, target.query));
        return nearest[0]!.delta;
      });
      const mean = shares[0]!.map((value, gene) => (value + shares[1]![gene]!) / 2);
      expect(r).toBeCloseTo(pearson(mean, target.truth), 10);
    }
  });

  test("of a prompt with itself is that of the prompt", () => {
    const [prompt] = prompts;
    const alone = leaveOut(query, [prompt!], evidence());
    const twice = leaveOut(query, [prompt!, prompt!], evidence());
    expect([...twice.found.values()].map(({ r }) => r)).toEqual(
      [...alone.found.values()].map(({ r }) => r),
    );
    expect(bestMixture(query, [prompt!, prompt!], evidence())).toBeNull();
  });

  test("decides: single cell types are mixed where that tells left-out responses better", () => {
    const mixture = bestMixture(query, prompts, evidence());
    expect(mixture?.places.length).toBeGreaterThan(1);
    const { expected } = mixture!;
    const alone = prompts.map((prompt) => expectedAccuracy(query, prompt, evidence()));
    for (const each of alone) {
      expect(each.known && expected.known && expected.pearson > each.pearson).toBe(true);
    }
    const known = alone.map((each) => (each.known ? each.pearson : -1));
    expect(known[mixture!.places[0]!]).toBe(Math.max(...known));
  });

  test.each<[string, readonly number[], boolean]>([
    ["each is told better", [0.52, 0.63, 0.71, 0.83], true],
    ["one is told much better, the others a little worse", [0.49, 0.59, 0.69, 0.9], false],
    ["one of them cannot be told any more", [0.6, 0.7, 0.8], false],
  ])("takes a gain for one where it is beyond its error: %s", (_, now, isGain) => {
    const { found } = leaveOut(query, [prompts[0]!], evidence());
    const targets = [...found.keys()];
    const responses = (values: readonly number[]) => ({
      found: new Map(
        values.map((r, at) => [targets[at]!, { r, shift: 0, cluster: String(at) }] as const),
      ),
    });
    expect(gains(responses(now), responses([0.5, 0.6, 0.7, 0.8]))).toBe(isGain);
  });

  test("has no part in it for a prompt that shows the answer, or another perturbation", () => {
    const others = prompts.map((prompt, at) => ({
      ...prompt,
      ...(at % 2 === 0 ? { reads: 0.5 } : { stand_in: "another" }),
    }));
    expect(bestMixture(query, others, evidence())).toBeNull();
    const mixture = bestMixture(query, [...prompts.slice(0, 3), ...others.slice(3)], evidence());
    expect(mixture?.places.every((place) => place < 3) ?? true).toBe(true);
  });
});
