import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  measuredElsewhere,
  measuredScale,
  scaleDigest,
  scoreMeasured,
} from "../../science/accuracy/measured-plausibility.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { readAgainst } from "../../science/grounding/measured-scale.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { isAskedPerturbation, isTheAnswer } from "../../science/prompting/retrieval.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { CONTROL_LABEL } from "../../science/simulate/experiment.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import { describeWithData, GLIOBLASTOMA, KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const knowledge = loadKnowledge();

async function imported(source: string): Promise<OpenAtlas> {
  const dir = join(await temporaryFolder(), "atlas");
  await importAtlas({ source, outDir: dir }, labelResolver(knowledge));
  return openAtlas(dir);
}

const perturbed = ({ index }: OpenAtlas) =>
  index.groups.filter(
    ({ is_control, perturbation }) => !is_control && perturbation !== CONTROL_LABEL,
  );

function ask(atlas: OpenAtlas, question: string) {
  const query = understandQuestion(question, [atlas.index], knowledge);
  const others = perturbed(atlas).filter(
    (group) => isAskedPerturbation(query, group) && !isTheAnswer(query, group),
  );
  return { query, knowledge, parts: others.slice(0, 1) };
}

describe("measured responses in other cells", () => {
  async function simulated() {
    const source = join(await temporaryFolder(), "simulated.h5ad");
    const options = { nGenes: 200, nCellTypes: 5, nPerturbations: 2, nDonors: 2 };
    await writeH5ad(source, simulateAtlas({ seed: 3, ...options }));
    const atlas = await imported(source);
    const { cell_type, perturbation } = perturbed(atlas)[0]!;
    const question = `How would ${cell_type} respond to ${perturbation}?`;
    const { parts, ...asked } = ask(atlas, question);
    return { atlas, asked, elsewhere: measuredElsewhere(asked.query, { parts }, [atlas])! };
  }

  test("are of each other cell type, with their controls, and never the answer", async () => {
    const { asked, elsewhere } = await simulated();
    const groups = elsewhere.responses.flatMap(({ treated }) => treated);
    expect(elsewhere.responses.length).toBeGreaterThan(2);
    expect(groups.every((group) => !isTheAnswer(asked.query, group))).toBe(true);
    expect(
      elsewhere.responses.every(({ control }) => control.every(({ is_control }) => is_control)),
    ).toBe(true);
  });

  test("make a scale that is the same each time, under a digest of what it rests on", async () => {
    const { asked, elsewhere } = await simulated();
    const scale = await measuredScale(elsewhere, asked);
    expect(scale).toEqual(await measuredScale(elsewhere, asked));
    expect(scale.known).toBe(true);
    const digest = scaleDigest(elsewhere, asked);
    expect(scaleDigest(elsewhere, asked)).toBe(digest);
    const fewer = { ...elsewhere, responses: elsewhere.responses.slice(1) };
    const expectsLess = { ...asked, query: { ...asked.query, expected_targets: [] } };
    expect(scaleDigest(fewer, asked)).not.toBe(digest);
    expect(scaleDigest(elsewhere, expectsLess)).not.toBe(digest);
  });

  test("score above their own reverse", async () => {
    const { atlas, asked, elsewhere } = await simulated();
    const [{ treated, control }] = elsewhere.responses as [(typeof elsewhere.responses)[number]];
    const score = await scoreMeasured(atlas, { treated, control }, asked);
    const reverse = await scoreMeasured(atlas, { treated: control, control: treated }, asked);
    expect(score).toBeGreaterThan(reverse);
  });
});

describeWithData("a measured response, read against those of the other cells,", () => {
  const patients = ["PW030", "PW032", "PW034", "PW036", "PW040"];
  const types = ["B cells", "CD14+ Monocytes", "CD4 T cells", "CD8 T cells", "FCGR3A+ Monocytes"];

  async function scoresOf(file: string, questions: readonly string[]): Promise<number[]> {
    const atlas = await imported(file);
    const scores: number[] = [];
    for (const question of questions) {
      const { parts, ...asked } = ask(atlas, question);
      const scale = await measuredScale(measuredElsewhere(asked.query, { parts }, [atlas])!, asked);
      if (!scale.known) throw new Error(scale.reason);
      const treated = perturbed(atlas).filter((group) => isTheAnswer(asked.query, group));
      const ids = new Set(treated.map(({ control_group_id }) => control_group_id));
      const control = atlas.index.groups.filter(({ group_id }) => ids.has(group_id));
      const raw = await scoreMeasured(atlas, { treated, control }, asked);
      scores.push(Math.round(readAgainst(raw, scale)));
    }
    return scores;
  }

  // No prediction scores above 10.
  test("is never more than a point below any prediction of a tumour", async () => {
    const scores = await scoresOf(
      GLIOBLASTOMA,
      patients.map(
        (patient) => `How would glioblastoma cell of donor ${patient} respond to panobinostat?`,
      ),
    );
    expect(Math.min(...scores)).toBeGreaterThanOrEqual(9);
  }, 60_000);

  test("keeps its level where measured responses score high anyway", async () => {
    const scores = await scoresOf(
      KANG,
      types.map((type) => `How would ${type} respond to IFN-beta?`),
    );
    expect(Math.min(...scores)).toBeGreaterThanOrEqual(8);
  }, 60_000);
});
