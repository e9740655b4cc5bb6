import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { allCandidates } from "../../science/prompting/candidates.ts";
import { choosePrompt, controlsAvailable } from "../../science/prompting/choose-prompt.ts";
import type { ChoosePromptOptions } from "../../science/prompting/choose-prompt.ts";
import { drawCells } from "../../science/prompting/draw-cells.ts";
import type { PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { meanProfile } from "../../science/statistics/normalise.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { importForTest } from "./prompting-atlas.ts";
import { askAbout } from "./prompting-queries.ts";

const knowledge = loadKnowledge();
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const IFN_BETA = { label: "IFN-beta", id: "ifn-beta" };

describeWithData("prompting on the Kang 2018 data", () => {
  let dir: string;
  let whole: OpenAtlas;
  let cellTypes: string[];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "haystack-prompting-"));
    const atlasDir = await importForTest(KANG, join(dir, "kang"), knowledge);
    whole = await openAtlas(atlasDir);
    cellTypes = [...new Set(whole.index.groups.map((group) => group.cell_type))];
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  /** The atlas without the perturbed cells of one type, as validation opens it. */
  function without(cellType: string): OpenAtlas {
    const groups = whole.index.groups.filter(
      (group) => group.is_control || group.cell_type !== cellType,
    );
    return { ...whole, index: { ...whole.index, groups }, profile: (id) => whole.profile(id) };
  }

  function request(
    cellType: string,
    atlas: OpenAtlas,
    more: Partial<ChoosePromptOptions> = {},
  ): ChoosePromptOptions {
    const id =
      whole.index.groups.find((group) => group.cell_type === cellType)?.cell_ontology_id ?? null;
    const query = askAbout({ label: cellType, id }, IFN_BETA, { knowledge, atlases: [atlas] });
    return {
      query,
      atlases: [atlas],
      knowledge,
      controlStrategy: "synthetic_control",
      promptCells: 400,
      queryCells: 256,
      history: [],
      seed: 1,
      ...more,
    };
  }

  function pooledDelta(cellType: string): Float64Array {
    const delta = new Float64Array(whole.index.n_genes);
    for (const isControl of [true, false]) {
      const groups = whole.index.groups.filter(
        (group) => group.cell_type === cellType && group.is_control === isControl,
      );
      const total = groups.reduce((sum, group) => sum + group.n_cells, 0);
      for (const group of groups)
        whole
          .profile(group.group_id)
          .forEach(
            (value, gene) =>
              (delta[gene]! += ((isControl ? -1 : 1) * value * group.n_cells) / total),
          );
    }
    return delta;
  }

  /** Pearson(delta) of what the prompt's groups show, in exact group means, against the truth. */
  function accuracy(cellType: string, { parts }: PromptCandidate): number {
    const predicted = new Float64Array(whole.index.n_genes);
    const total = parts.reduce((sum, part) => sum + part.n_cells, 0);
    const totalControl = parts.reduce((sum, part) => sum + part.n_control_cells, 0);
    for (const part of parts) {
      const perturbed = whole.profile(part.group_id);
      const control = whole.profile(part.control_group_id!);
      predicted.forEach(
        (_, gene) =>
          (predicted[gene]! +=
            (part.n_cells / total) * perturbed[gene]! -
            (part.n_control_cells / totalControl) * control[gene]!),
      );
    }
    return pearson(predicted, pooledDelta(cellType));
  }

  test("the chosen mixtures predict left-out cell types with mean Pearson(delta) of 0.88 and more", () => {
    const scores = cellTypes.map((cellType) =>
      accuracy(cellType, choosePrompt(request(cellType, without(cellType))).chosen),
    );
    expect(mean(scores)).toBeGreaterThanOrEqual(0.88);
  });

  test("drawn cells, with their sampling noise, still reach 0.87", async () => {
    const scores: number[] = [];
    for (const cellType of cellTypes) {
      const { chosen } = choosePrompt(request(cellType, without(cellType)));
      const prompt = await drawCells({ parts: chosen.parts, atlases: [whole], seed: 7 });
      const controls = chosen.parts.map((part) => ({
        group_id: part.control_group_id!,
        n_cells: part.n_control_cells,
      }));
      const control = await drawCells({ parts: controls, atlases: [whole], seed: 7 });
      const background = meanProfile(control.X);
      scores.push(
        pearson(
          meanProfile(prompt.X).map((value, gene) => value - background[gene]!),
          pooledDelta(cellType),
        ),
      );
    }
    expect(mean(scores)).toBeGreaterThanOrEqual(0.87);
  });

  test("the ranking is right: candidates ranked higher predict better, and the chosen one beats every single group", () => {
    for (const cellType of cellTypes) {
      const candidates = allCandidates(request(cellType, without(cellType)));
      const scores = candidates.map((candidate) => accuracy(cellType, candidate));
      expect(
        pearson(
          candidates.map((candidate) => candidate.rank_score),
          scores,
        ),
      ).toBeGreaterThan(0.7);
      const singles = candidates.flatMap((candidate, i) =>
        candidate.parts.length === 1 ? [scores[i]!] : [],
      );
      expect(scores[0]).toBeGreaterThan(Math.max(...singles));
    }
  });

  test("a mixture draws as many controls as perturbed cells of every group, and no more than 400", () => {
    const { chosen } = choosePrompt(request("B cells", without("B cells")));
    expect(chosen.parts.length).toBeGreaterThan(1);
    expect(chosen.parts.every((part) => part.n_control_cells === part.n_cells)).toBe(true);
    expect(chosen.parts.reduce((sum, part) => sum + part.n_cells, 0)).toBeLessThanOrEqual(400);
    expect(chosen.parts.reduce((sum, part) => sum + part.weight, 0)).toBeCloseTo(1);
  });

  test("the same cell type and perturbation comes first when the atlas has it", () => {
    for (const cellType of cellTypes) {
      const { chosen } = choosePrompt(request(cellType, whole));
      expect(chosen.strategy).toBe("direct");
      expect(chosen.rationale).toContain(cellType);
    }
  });

  test("the query cells are the asked type's controls of both donors, capped in proportion", () => {
    const plan = choosePrompt(request("B cells", whole, { queryCells: 72 }));
    const sizes = plan.query_parts.map(
      (part) =>
        [
          whole.index.groups.find((group) => group.group_id === part.group_id)!,
          part.n_cells,
        ] as const,
    );
    expect(sizes.every(([group]) => group.is_control && group.cell_type === "B cells")).toBe(true);
    expect(sizes.map(([, n]) => n).toSorted((x, y) => x - y)).toEqual([22, 50]);
  });

  test("without controls synthetic control cannot work, and query-as-control prompts carry none", () => {
    const uncontrolled = {
      ...whole,
      index: {
        ...whole.index,
        groups: whole.index.groups.map((group) => ({ ...group, control_group_id: null })),
      },
    };
    const { query } = request("B cells", whole);
    expect(controlsAvailable(query, [whole])).toBe(true);
    expect(controlsAvailable(query, [uncontrolled])).toBe(false);
    expect(() => choosePrompt(request("B cells", uncontrolled))).toThrow(
      expect.objectContaining({ code: "NO_PROMPT_CELLS" }),
    );
    const { chosen } = choosePrompt(
      request("B cells", uncontrolled, { controlStrategy: "query_as_control" }),
    );
    expect(
      chosen.parts.every((part) => part.control_group_id === null && part.n_control_cells === 0),
    ).toBe(true);
    expect(chosen.control_similarity).toBeNull();
  });

  test("a cell type without control cells is refused, naming those that exist", () => {
    expect(() => choosePrompt(request("Neurons", whole))).toThrow(
      expect.objectContaining({
        code: "CELL_TYPE_NOT_IN_ATLAS",
        message: expect.stringContaining("CD14+ Monocytes"),
      }),
    );
  });

  test("a perturbation without any relative in the atlas is refused, naming what it holds", () => {
    const query = askAbout({ label: "B cells" }, { label: "zzz" }, { knowledge, atlases: [whole] });
    expect(() => choosePrompt({ ...request("B cells", whole), query })).toThrow(
      expect.objectContaining({
        code: "NO_PROMPT_CELLS",
        message: expect.stringContaining("IFN-beta"),
      }),
    );
  });
});
