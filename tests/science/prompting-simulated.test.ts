import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { allCandidates, rankCandidates } from "../../science/prompting/candidates.ts";
import { choosePrompt, considerPrompts } from "../../science/prompting/choose-prompt.ts";
import type { ChoosePromptOptions } from "../../science/prompting/choose-prompt.ts";
import { drawCells, SPLIT_COLUMN } from "../../science/prompting/draw-cells.ts";
import type { IterationFeedback, PromptPlan } from "../../science/prompting/prompt-plan.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { writeSimulatedAtlas } from "../../science/simulate/simulate-atlas.ts";
import type { SimulationOptions } from "../../science/simulate/simulate-atlas.ts";
import { importForTest } from "./prompting-atlas.ts";
import { askAbout } from "./prompting-queries.ts";

const knowledge = loadKnowledge();
const nameOf = (id: string): string =>
  [...knowledge.cellTypes, ...knowledge.perturbations].find((entry) => entry.id === id)!.name;

function playRun(
  base: ChoosePromptOptions,
  score: (plan: PromptPlan) => number,
  iterations: number,
): PromptPlan[] {
  const plans: PromptPlan[] = [];
  const history: IterationFeedback[] = [];
  for (let iteration = 1; iteration <= iterations; iteration += 1) {
    const plan = choosePrompt({ ...base, history });
    plans.push(plan);
    const { candidate_id, strategy } = plan.chosen;
    history.push({
      iteration,
      candidate_id,
      strategy,
      rationale: "",
      score: score(plan),
      component_scores: {},
      feedback: [],
    });
  }
  return plans;
}

const largest = (atlas: OpenAtlas): string[] =>
  atlas.index.groups
    .toSorted((x, y) => y.n_cells - x.n_cells)
    .slice(0, 3)
    .map((group) => group.group_id);

describe("prompting on simulated atlases", () => {
  let dir: string;
  let demo: OpenAtlas;
  let other: OpenAtlas;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "haystack-prompting-"));
    const open = async (name: string, options: SimulationOptions): Promise<OpenAtlas> => {
      const path = join(dir, `${name}.h5ad`);
      await writeSimulatedAtlas(path, options);
      return openAtlas(await importForTest(path, join(dir, name), knowledge));
    };
    demo = await open("demo", { seed: 1, nGenes: 700, cellsPerGroup: 5, nDonors: 2 });
    other = await open("other", {
      seed: 2,
      nGenes: 600,
      cellsPerGroup: 5,
      nDonors: 1,
      nCellTypes: 8,
      nPerturbations: 2,
    });
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  function request(
    cellType: string,
    perturbation: string,
    more: Partial<ChoosePromptOptions> = {},
  ): ChoosePromptOptions {
    const atlases = more.atlases ?? [demo];
    const query = askAbout(
      { label: nameOf(cellType), id: cellType },
      { label: nameOf(perturbation), id: perturbation },
      { knowledge, atlases },
    );
    return {
      query,
      atlases,
      knowledge,
      controlStrategy: "synthetic_control",
      promptCells: 100,
      queryCells: 50,
      history: [],
      seed: 1,
      ...more,
    };
  }

  test("a measured pair is answered directly, over its donors", () => {
    const { chosen } = choosePrompt(request("CL:0001054", "ifn-beta"));
    expect(chosen.strategy).toBe("direct");
    expect(chosen.parts.length).toBeGreaterThan(1);
  });

  test("under synthetic control only groups with matched controls are proposed", () => {
    const { atlases, ...asked } = request("CL:0001054", "ifn-beta");
    const [atlas] = atlases as [OpenAtlas];
    const groups = atlas.index.groups.map((group, i) =>
      i % 2 === 0 ? { ...group, control_group_id: null } : group,
    );
    const without = [{ ...atlas, index: { ...atlas.index, groups } }];
    const uncontrolled = (controlStrategy: "synthetic_control" | "query_as_control"): number =>
      allCandidates({ ...asked, atlases: without, controlStrategy })
        .flatMap(({ parts }) => parts)
        .filter(({ control_group_id }) => control_group_id === null).length;
    expect(uncontrolled("synthetic_control")).toBe(0);
    expect(uncontrolled("query_as_control")).toBeGreaterThan(0);
  });

  test("a gap is answered by the same perturbation in near cell types", () => {
    const { chosen } = choosePrompt(request("CL:0000625", "ifn-beta"));
    expect(chosen.strategy).toBe("ontology");
    expect(chosen.rationale).toContain("Cell Ontology");
    expect(
      demo.index.groups.find((group) => group.group_id === chosen.parts[0]!.group_id)!.perturbation,
    ).toBe(nameOf("ifn-beta"));
  });

  test("mechanism finds related perturbations, never one that acts the other way", () => {
    const mechanistic = allCandidates(request("CL:0000236", "ifn-beta")).filter(
      ({ strategy }) => strategy === "mechanistic",
    );
    const groups = new Map(
      demo.index.groups.map((group) => [group.group_id, group.perturbation_id]),
    );
    const found = new Set(
      mechanistic.flatMap(({ parts }) => parts.map((part) => groups.get(part.group_id))),
    );
    expect(found).toContain("ifn-gamma");
    expect(found).not.toContain("ruxolitinib");
    expect(found).not.toContain("ifn-beta");
  });

  test("a perturbation known by its label alone is found by the likeness of names", () => {
    const base = request("CL:0000236", "ifn-beta");
    const perturbation = {
      ...base.query.perturbation,
      id: null,
      name: "IFN beta 1",
      atlas_labels: [],
      targets: [],
    };
    const { chosen } = choosePrompt({ ...base, query: { ...base.query, perturbation } });
    expect(chosen.strategy).toBe("semantic");
    expect(chosen.rationale).toContain("IFN beta 1");
  });

  test("a run never repeats a prompt, tries another strategy when one stalls, and says so", () => {
    const plans = playRun(request("CL:0000236", "ifn-beta"), () => 4, 6);
    expect(new Set(plans.map(({ chosen }) => chosen.candidate_id)).size).toBe(6);
    expect(plans[0]!.chosen.strategy).toBe("direct");
    expect(new Set(plans.map(({ chosen }) => chosen.strategy)).size).toBeGreaterThan(2);
    expect(plans.some(({ chosen }) => chosen.rationale.includes("stopped improving"))).toBe(true);
    expect(new Set(plans.map(({ query_parts: parts }) => JSON.stringify(parts))).size).toBe(1);
  });

  describe("where the atlas lacks the asked perturbation, without a model", () => {
    const withoutAsked = (): ChoosePromptOptions => {
      const lacking = {
        ...demo,
        index: {
          ...demo.index,
          groups: demo.index.groups.filter((group) => group.perturbation_id !== "ifn-beta"),
        },
      };
      return {
        ...request("CL:0000236", "ifn-beta", { atlases: [lacking] }),
        query: understandQuestion(
          `How would ${nameOf("CL:0000236")} respond to IFN-beta?`,
          [lacking.index],
          knowledge,
        ),
      };
    };
    const first = (
      options: ChoosePromptOptions,
      more: Partial<IterationFeedback>,
    ): IterationFeedback => {
      const [{ candidate_id, strategy }] = rankCandidates(options) as [
        ReturnType<typeof rankCandidates>[number],
      ];
      return {
        iteration: 1,
        candidate_id,
        strategy,
        rationale: "",
        score: 5,
        component_scores: {},
        feedback: [],
        ...more,
      };
    };

    test("low component scores of biology lower every prompt of that stand-in, a low coherence does not", () => {
      const options = withoutAsked();
      const tried = rankCandidates(options)[0]!.stand_in;
      const best = (component_scores: IterationFeedback["component_scores"]) =>
        Math.max(
          ...rankCandidates({ ...options, history: [first(options, { component_scores })] })
            .filter(({ stand_in }) => stand_in === tried)
            .map(({ rank_score }) => rank_score),
        );
      expect(best({ target_activation: 2, pathway_coherence: 4 })).toBeCloseTo(0.3 * best({}));
      expect(best({ network_coherence: 2 })).toBe(best({}));
    });

    test("the feedback prefers stand-ins that are known to change what was missing, and the reason says so", () => {
      const options = withoutAsked();
      const of = (id: string) => knowledge.perturbations.find((entry) => entry.id === id)!;
      const gives = (id: string, gene: string) =>
        of(id).response.some((one) => one.gene === gene && one.direction === "up");
      const standIns = [...new Set(rankCandidates(options).map(({ stand_in }) => stand_in!))];
      const telling = options.query.expected_targets.find(
        ({ gene, direction }) =>
          direction === "up" &&
          standIns.some((id) => gives(id, gene)) &&
          standIns.some((id) => !gives(id, gene)),
      )!.gene;
      const ranked = (feedback: readonly string[]) =>
        new Map(
          rankCandidates({ ...options, history: [first(options, { feedback })] }).map((one) => [
            one.candidate_id,
            one,
          ]),
        );
      const [before, after] = [ranked([]), ranked([`${telling} should go up and does not.`])];
      for (const [id, { stand_in, rank_score, rationale }] of after) {
        const given = gives(stand_in!, telling);
        expect(rank_score).toBeCloseTo((given ? 1 : 0.5) * before.get(id)!.rank_score);
        expect(rationale.includes(`what was missing before: ${telling}.`)).toBe(given);
      }
    });
  });

  test("when every prompt was tried, smaller draws keep the run going", () => {
    const lone = {
      ...demo,
      index: {
        ...demo.index,
        groups: demo.index.groups.filter(
          (group) =>
            group.is_control ||
            (group.cell_type === nameOf("CL:0000236") &&
              group.perturbation === nameOf("ifn-beta") &&
              group.donor.endsWith("D1")),
        ),
      },
    };
    const plans = playRun(request("CL:0000236", "ifn-beta", { atlases: [lone] }), () => 4, 2);
    expect(plans[1]!.chosen.candidate_id).not.toBe(plans[0]!.chosen.candidate_id);
    expect(plans[1]!.chosen.parts[0]!.n_cells).toBeLessThan(plans[0]!.chosen.parts[0]!.n_cells);
  });

  test("a run told to start from the worst prompt takes the last candidate, then the best", () => {
    const all = allCandidates(request("CL:0000236", "ifn-beta"));
    const plans = playRun(request("CL:0000236", "ifn-beta", { firstPrompt: "worst" }), () => 3, 2);
    expect(plans[0]!.chosen.candidate_id).toBe(all.at(-1)!.candidate_id);
    expect(plans[1]!.chosen.candidate_id).toBe(all[0]!.candidate_id);
  });

  test("the ranking is the same every time, and in order", () => {
    const base = request("CL:0000625", "ifn-beta");
    const ranked = rankCandidates(base);
    expect(rankCandidates(base)).toEqual(ranked);
    expect(ranked.map((candidate) => candidate.rank_score)).toEqual(
      ranked.map((candidate) => candidate.rank_score).toSorted((x, y) => y - x),
    );
    expect(
      ranked.every((candidate) => candidate.rank_score >= 0 && candidate.rank_score <= 1),
    ).toBe(true);
  });

  test("eight are considered and offered, the best of each strategy among them, in the order of the ranking", () => {
    const base = request("CL:0000625", "ifn-beta");
    const ranked = rankCandidates(base);
    expect(new Set(ranked.slice(0, 8).map(({ strategy }) => strategy))).toEqual(
      new Set(["ontology"]),
    );
    const bestOf = (name: string) => ranked.find(({ strategy }) => strategy === name)!;
    const listed = [...ranked.slice(0, 6), bestOf("mechanistic"), bestOf("semantic")];
    const { plan, candidates } = considerPrompts(base);
    expect(candidates).toEqual(listed);
    expect(plan.considered.map(({ candidate_id: id }) => id)).toEqual(
      listed.map(({ candidate_id: id }) => id),
    );
    const stalled = ranked.slice(0, 2).map(({ candidate_id, strategy }, i): IterationFeedback => ({
      iteration: i + 1,
      candidate_id,
      strategy,
      rationale: "",
      score: 3,
      component_scores: {},
      feedback: [],
    }));
    expect(
      new Set(
        considerPrompts({ ...base, history: stalled }).candidates.map(({ strategy }) => strategy),
      ),
    ).toEqual(new Set(["mechanistic", "semantic"]));
  });

  describe("drawn cells", () => {
    test("are counts with unique names and the columns that inference needs; the same for the same seed", async () => {
      const parts = largest(demo).map((id) => ({ group_id: id, n_cells: 3 }));
      const drawn = await drawCells({ parts, atlases: [demo, other], seed: 5 });
      expect(drawn.X.nRows).toBe(9);
      expect(drawn.var.index).toEqual(demo.index.genes);
      expect(new Set(drawn.obs.index).size).toBe(9);
      expect(drawn.X.data.every((count) => count > 0 && Number.isInteger(count))).toBe(true);
      expect(Object.keys(drawn.obs.columns)).toEqual([
        "cell_type",
        "perturbation",
        "donor",
        "group_id",
        SPLIT_COLUMN,
      ]);
      expect(new Set(drawn.obs.columns[SPLIT_COLUMN] as string[])).toEqual(new Set(["all"]));
      expect(drawn.uns["simulated"]).toBe(1);
      expect(await drawCells({ parts, atlases: [demo, other], seed: 5 })).toEqual(drawn);
      expect((await drawCells({ parts, atlases: [demo], seed: 6 })).obs.index).not.toEqual(
        drawn.obs.index,
      );
    });

    test("of two data sets share the genes that both measured", async () => {
      const parts = [largest(other)[0]!, largest(demo)[0]!].map((id) => ({
        group_id: id,
        n_cells: 2,
      }));
      const drawn = await drawCells({ parts, atlases: [demo, other], seed: 5 });
      expect(drawn.var.index.toSorted()).toEqual(
        demo.index.genes.filter((gene) => other.index.genes.includes(gene)).toSorted(),
      );
      expect(drawn.uns["genes"]).toBe("intersection of other, demo");
      for (let row = 0; row < drawn.X.nRows; row += 1) {
        const columns = [...drawn.X.indices.subarray(drawn.X.indptr[row], drawn.X.indptr[row + 1])];
        expect(columns).toEqual(columns.toSorted((x, y) => x - y));
      }
    });

    test("take the first column of a gene that a data set holds twice", async () => {
      const group = other.index.groups[0]!;
      const profile = other.profile(group.group_id);
      const [kept, renamed] = [...other.index.genes.keys()]
        .filter((gene) => demo.index.genes.includes(other.index.genes[gene]!))
        .toSorted((x, y) => profile[y]! - profile[x]!)
        .slice(0, 2)
        .toSorted((x, y) => x - y) as [number, number];
      const symbol = other.index.genes[kept]!;
      const genes = other.index.genes.map((gene, i) =>
        i === renamed ? symbol.toLowerCase() : gene,
      );
      const twice: OpenAtlas = { ...other, index: { ...other.index, genes } };
      const countsOf = async (atlas: OpenAtlas): Promise<Record<string, number>> => {
        const drawn = await drawCells({
          parts: [
            { group_id: largest(demo)[0]!, n_cells: 2 },
            { group_id: group.group_id, n_cells: group.n_cells },
          ],
          atlases: [demo, atlas],
          seed: 5,
        });
        const { data, indices, indptr } = drawn.X;
        const column = drawn.var.index.indexOf(symbol);
        return Object.fromEntries(
          drawn.obs.index.map((name, row) => {
            let count = 0;
            for (let k = indptr[row]!; k < indptr[row + 1]!; k += 1)
              if (indices[k] === column) count += data[k]!;
            return [name, count];
          }),
        );
      };
      const counts = await countsOf(twice);
      const own = Object.entries(counts).filter(([name]) => name.startsWith(group.group_id));
      expect(own).toHaveLength(group.n_cells);
      const plain = await countsOf(other);
      expect(own).toEqual(own.map(([name]) => [name, plain[name]]));
      expect(own.some(([, count]) => count > 0)).toBe(true);
    });

    test("cannot be more than a group holds, nor of an unknown group", async () => {
      const group = demo.index.groups[0]!;
      await expect(
        drawCells({
          parts: [{ group_id: group.group_id, n_cells: group.n_cells + 1 }],
          atlases: [demo],
          seed: 5,
        }),
      ).rejects.toMatchObject({ code: "NO_PROMPT_CELLS" });
      await expect(
        drawCells({ parts: [{ group_id: "no/such/group", n_cells: 1 }], atlases: [demo], seed: 5 }),
      ).rejects.toMatchObject({ code: "NO_PROMPT_CELLS" });
    });
  });
});
