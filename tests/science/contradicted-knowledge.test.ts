import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { analyze } from "../../actors/tasks/question.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { signTest } from "../../science/prompting/contradicted-knowledge.ts";
import { howItWasRead } from "../../science/report/rests-on.ts";
import { adataOf } from "../support/kang.ts";

const expected = loadKnowledge().perturbations.find(({ id }) => id === "ifn-beta")!.response;
const GENES = [
  ...expected.map(({ gene }) => gene),
  ...Array.from({ length: 40 }, (_, gene) => `G${gene}`),
];
const CELLS = 24;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "haystack-contradicted-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** B cells and T cells under IFN-beta; of the expected genes `reversed` go the other way. */
async function atlasWith(name: string, reversed: number, cellsOfEach = CELLS) {
  const groups = ["B cell", "T cell"].flatMap((cell_type) =>
    ["control", "IFN-beta"].map((perturbation) => ({ cell_type, perturbation })),
  );
  const cells = groups.flatMap((group) => Array.from({ length: cellsOfEach }, () => group));
  const rows = cells.map(({ perturbation }) =>
    GENES.map((_, gene) => {
      const own = expected[gene];
      if (own === undefined) return 10;
      const isUp = (own.direction === "up") !== gene < reversed;
      return perturbation === "control" || !isUp ? (perturbation === "control" ? 4 : 1) : 9;
    }),
  );
  const source = join(folder, `${name}.h5ad`);
  await writeH5ad(source, {
    ...adataOf(rows, GENES),
    obs: {
      index: cells.map((_, cell) => `${name}-${cell}`),
      columns: {
        cell_type: cells.map(({ cell_type }) => cell_type),
        perturbation: cells.map(({ perturbation }) => perturbation),
      },
    },
  });
  const dir = join(folder, name);
  await importAtlas({ source, outDir: dir }, labelResolver(loadKnowledge()));
  const { structured_query } = await analyze({
    query: "How would B cells respond to IFN-beta?",
    atlases: [{ dir, withhold: null }],
    knowledge: "/nonexistent",
  });
  return structured_query;
}

test("a majority that goes the other way in measured cells is said", async () => {
  const query = await atlasWith("most", expected.length);
  expect(query.contradicted).toMatchObject({
    genes: expected.map(({ gene }) => gene),
    of: expected.length,
    cell_types: ["B cell", "T cell"],
  });
  const [said] = howItWasRead(query).filter(({ title }) => title === "Expectations contradicted");
  expect(said).toMatchObject({
    caution: true,
    text: expect.stringContaining(`${expected.length} of the ${expected.length} expected genes`),
  });
});

test.each([
  ["none of them", 0, CELLS],
  ["a few of them", 3, CELLS],
  ["all of them, in cells too few to tell", expected.length, 10],
])("nothing is said where %s goes the other way", async (name, reversed, cells) => {
  const query = await atlasWith(name.replaceAll(/\W/g, "-"), reversed, cells);
  expect(query).not.toHaveProperty("contradicted");
});

test("the sign test is that of scipy.stats.binomtest(k, n, alternative='greater')", () => {
  expect(signTest(9, 10)).toBeCloseTo(0.0107421875, 12);
  expect(signTest(12, 15)).toBeCloseTo(0.017578125, 12);
  expect(signTest(0, 5)).toBe(1);
  expect(signTest(5, 5)).toBeCloseTo(0.03125, 12);
});
