import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyze } from "../../actors/tasks/question.ts";
import { predictResponse } from "../../actors/tasks/evaluation.ts";
import { draw } from "../../actors/tasks/prompt.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { choosePrompt } from "../../science/prompting/choose-prompt.ts";
import type { ControlStrategy } from "../../science/query/structured-query.ts";
import { readResponse } from "../../science/response/response-file.ts";
import { randomStream, uniform } from "../../science/simulate/seeded-random.ts";
import { poissonQuantile } from "../../science/statistics/poisson.ts";
import { adataOf } from "../support/kang.ts";

/**
 * Two donors of monocytes under IFN-beta. Genes R* respond to it, genes D* are high in donor B
 * whatever is done, and the rest stay.
 */
const GENES = [
  ...Array.from({ length: 20 }, (_, i) => `R${i}`),
  ...Array.from({ length: 20 }, (_, i) => `D${i}`),
  ...Array.from({ length: 160 }, (_, i) => `G${i}`),
];
const CELLS = 60;
const KNOWLEDGE = "/nonexistent";

interface Made {
  readonly donor: string;
  readonly perturbation: string;
  readonly cell_type?: string;
}

async function makeAtlas(folder: string, name: string, groups: readonly Made[]): Promise<string> {
  const random = randomStream(4, name);
  const rows: number[][] = [];
  const labels: Required<Made>[] = [];
  for (const { donor, perturbation, cell_type = "CD14+ monocyte" } of groups)
    for (let cell = 0; cell < CELLS; cell += 1) {
      const treated = perturbation === "IFN-beta";
      rows.push(
        GENES.map((gene) => {
          let rate = 3;
          if (gene.startsWith("R") && treated) rate = 9;
          if (gene.startsWith("D") && donor === "B") rate = 12;
          return poissonQuantile(uniform(random), rate);
        }),
      );
      labels.push({ donor, perturbation, cell_type });
    }
  const made = adataOf(rows, GENES);
  const column = (key: keyof Made): string[] => labels.map((label) => label[key]);
  const source = join(folder, `${name}.h5ad`);
  await writeH5ad(source, {
    ...made,
    obs: {
      index: rows.map((_, i) => `${name}-${i}`),
      columns: {
        cell_type: column("cell_type"),
        perturbation: column("perturbation"),
        donor_id: column("donor"),
      },
    },
  });
  const outDir = join(folder, name);
  await importAtlas({ source, outDir }, labelResolver(loadKnowledge()));
  return outDir;
}

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "haystack-measured-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function understand(question: string, dir: string) {
  const { structured_query } = await analyze({
    query: question,
    atlases: [{ dir, withhold: null }],
    knowledge: KNOWLEDGE,
  });
  return structured_query;
}

async function planFor(question: string, dir: string, controlStrategy: ControlStrategy) {
  return choosePrompt({
    query: await understand(question, dir),
    atlases: [await openAtlas(dir)],
    knowledge: loadKnowledge(),
    history: [],
    controlStrategy,
    promptCells: 100,
    queryCells: 100,
    seed: 1,
  });
}

const OF_A = "How would CD14+ monocytes of donor A respond to IFN-beta?";
const BOTH: readonly Made[] = [
  { donor: "A", perturbation: "control" },
  { donor: "B", perturbation: "control" },
  { donor: "B", perturbation: "IFN-beta" },
];

describe("a question whose answer is measured", () => {
  test("says how many cells measure it, and that the prompt reads them", async () => {
    const dir = await makeAtlas(folder, "all", [...BOTH, { donor: "A", perturbation: "IFN-beta" }]);
    const query = await understand(OF_A, dir);
    expect(query.measured_answer).toEqual({ cells: CELLS, donors: 1 });
    const { chosen } = await planFor(OF_A, dir, "synthetic_control");
    expect(chosen.reads).toBeGreaterThan(0);
    const all = await understand("How would CD14+ monocytes respond to IFN-beta?", dir);
    expect(all.measured_answer).toEqual({ cells: 2 * CELLS, donors: 2 });
  });

  test("does not say so where only another donor is measured", async () => {
    const dir = await makeAtlas(folder, "other", BOTH);
    expect((await understand(OF_A, dir)).measured_answer).toBeUndefined();
    expect((await planFor(OF_A, dir, "synthetic_control")).chosen.reads).toBeUndefined();
  });

  test("does not say so where only other cells are measured", async () => {
    const dir = await makeAtlas(folder, "cells", [
      { donor: "A", perturbation: "control" },
      { donor: "A", perturbation: "control", cell_type: "B cell" },
      { donor: "A", perturbation: "IFN-beta", cell_type: "B cell" },
    ]);
    expect((await understand(OF_A, dir)).measured_answer).toBeUndefined();
    expect((await planFor(OF_A, dir, "synthetic_control")).chosen.reads).toBeUndefined();
  });
});

describe.each(["synthetic_control", "query_as_control"] as const)(
  "the difference between two donors under %s",
  (controlStrategy) => {
    test("is no response", async () => {
      const dir = await makeAtlas(folder, `donors-${controlStrategy}`, BOTH);
      const places = [{ dir, withhold: null }];
      const { chosen, query_parts } = await planFor(OF_A, dir, controlStrategy);
      const file = (name: string): string => join(folder, `${controlStrategy}-${name}.h5ad`);
      const cells = async (
        name: string,
        parts: readonly { readonly group_id: string; readonly n_cells: number }[],
      ) => {
        await draw({ places, parts, seed: 1, output: file(name) });
        return readH5ad(file(name));
      };
      const query = await cells("query", query_parts);
      const prompt = await cells("prompt", chosen.parts);
      await writeH5ad(file("prediction"), deltaTransfer(prompt, query));
      const synthetic = controlStrategy === "synthetic_control";
      if (synthetic) {
        const controls = await cells(
          "controls",
          chosen.parts.map(({ control_group_id, n_control_cells }) => ({
            group_id: control_group_id!,
            n_cells: n_control_cells,
          })),
        );
        await writeH5ad(file("control-prediction"), deltaTransfer(controls, query));
      }
      await predictResponse({
        members: [
          {
            prediction: file("prediction"),
            controlPrediction: synthetic ? file("control-prediction") : null,
            prompt: file("prompt"),
            controls: synthetic ? file("controls") : null,
            parts: chosen.parts,
          },
        ],
        query: file("query"),
        places,
        reading: false,
        shiftsQueryCells: true,
        seed: 1,
        output: file("response"),
      });
      const { response } = await readResponse(file("response"));
      const firsts = response.genes.filter((_, gene) => response.rank[gene]! <= 20);
      expect(firsts.filter((gene) => gene.startsWith("D"))).toEqual([]);
      const called = response.genes.filter((_, gene) => response.is_de[gene] === 1);
      expect(called.filter((gene) => gene.startsWith("D"))).toEqual([]);
      expect(called.filter((gene) => gene.startsWith("R")).length).toBeGreaterThan(15);
    });
  },
);
