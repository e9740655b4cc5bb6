import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyze } from "../../actors/tasks/question.ts";
import type { HaystackError } from "../../errors.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { choosePrompt } from "../../science/prompting/choose-prompt.ts";
import type { Context, StructuredQuery } from "../../science/query/structured-query.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import { adataOf } from "../support/kang.ts";
import { atlasIndex } from "./query-atlas.ts";

/** What a question says of its cells beside their type is read, used where it can be, and said. */

const plain = atlasIndex({
  cellTypes: loadKnowledge().cellTypes.map(({ name }) => name),
  perturbations: ["IFN-beta", "TNF"],
});
const ask = (question: string): StructuredQuery => understandQuestion(question, [plain]);
const said = (context: readonly Context[] = []) =>
  context.map(({ kind, text, id }) => `${kind}: ${text}${id === null ? "" : ` ${id}`}`);

describe("without a column for it", () => {
  test.each([
    [
      "monocytes from patients with Crohn's disease given TNF",
      ["disease: Crohn's disease MONDO:0005011"],
    ],
    ["How do SLE patients' B cells respond to IFN-beta?", ["disease: SLE MONDO:0007915"]],
    ["keratinocytes of psoriasis lesions after IL-17A", ["disease: psoriasis MONDO:0005083"]],
    ["How would murine macrophages respond to LPS?", ["species: murine NCBITaxon:10090"]],
    ["Wie reagieren Makrophagen der Maus auf LPS?", ["species: Maus NCBITaxon:10090"]],
    ["小鼠巨噬细胞对LPS的反应", ["species: 小鼠 NCBITaxon:10090"]],
    [
      "naive CD4 T cells of elderly women given IL-7",
      ["donor_group: elderly", "donor_group: women PATO:0000383"],
    ],
    ["astrocytes of the prefrontal cortex and TNF", ["tissue: prefrontal cortex UBERON:0000451"]],
    ["How would CD8+ PD-1+ T cells respond to IL-2?", ["marker: PD-1+"]],
    [
      "Lin- Sca1+ Kit+ hematopoietic stem cells and TPO",
      ["marker: Lin-", "marker: Sca1+", "marker: Kit+"],
    ],
  ])("%s", (question, expected) => {
    const { context } = ask(question);
    expect(said(context)).toEqual(expected);
    expect(context?.every(({ chose }) => chose === null)).toBe(true);
  });

  test.each([
    "How do B cells without diabetes respond to IL-4?",
    "monocytes of non-smokers, not of smokers, given TNF",
    "How do lung fibroblasts respond to TGF-beta?",
    "How do T cells respond to tumor necrosis factor?",
    "How would hepatocytes respond to hepatocyte growth factor?",
    "How do cells of the T cell lineage respond to IL-2?",
  ])("%s: nothing denied and no part of a name", (question) => {
    const unsaid = ask(question).context?.filter(({ chose }) => chose === null);
    expect(said(unsaid).filter((each) => !each.startsWith("donor_group: non-smokers"))).toEqual([]);
  });

  test("it is said, once", () => {
    const lines = (question: string) =>
      restsOn({
        structured_query: ask(question),
        control_strategy_effective: null,
        iterations: [],
        delivered_iteration: null,
        usage: { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 },
      })
        .filter(({ caution }) => caution)
        .map(({ text }) => text);
    expect(lines("monocytes from lupus patients given TNF")).toEqual([
      "“lupus” (disease) chose no cells: the atlas does not tell cells apart by disease.",
    ]);
    expect(lines("How would CD8+ PD-1+ T cells respond to IL-2?")).toHaveLength(1);
  });

  test.each([
    "What is the response of HIV-infected CD4 T cells to IFN-alpha?",
    "How do LPS-primed monocytes respond to IL-10?",
  ])("what cells were given before is not left out: %s", (question) => {
    expect(() => ask(question)).toThrow(
      expect.objectContaining({ details: { asks: "combination" } }) as HaystackError,
    );
  });

  test.each([
    "How do monocytes from lupus patients compared with healthy donors respond to IFN-beta?",
    "Do mouse macrophages respond to LPS more than human macrophages?",
    "Difference between male and female B cells given IL-4",
  ])("%s: two origins are asked back", (question) => {
    expect(() => ask(question)).toThrow(
      expect.objectContaining({ details: { asks: "comparison" } }) as HaystackError,
    );
  });

  test("treated cells compared with control are one question", () => {
    expect(
      ask("Kit+ and Sca1+ hematopoietic stem cells with IL-3 compared to control"),
    ).toBeTruthy();
  });
});

test.each([
  "CD4 T cells stimulated for 6 h with 10 ng/ml TNF",
  "macrophages polarized with IL-4",
  "cGAMP-stimulated monocytes",
  "How do macrophages respond to Salmonella infection?",
])("what is asked about is nothing of before: %s", (question) => {
  expect(ask(question).context).toEqual([]);
});

test.each([
  ["activated CD4 T cells given TNF", "activated"],
  ["CD4 T cells activated with Dynabeads given TNF", "activated"],
  ["undifferentiated monocytes given TNF", "undifferentiated"],
  ["differentiated monocytes given TNF", "differentiated"],
])("%s: %s cells", (question, name) => {
  expect(ask(question).context).toMatchObject([{ kind: "background", name }]);
});

test.each([
  "How do pulmonary artery smooth muscle cells respond to hypoxia?",
  "How do pulmonary arterial smooth muscle cells respond to hypoxia?",
])("a vessel is not the organ that it leads to: %s", (question) => {
  const { cell_type, ambiguities } = ask(question);
  expect(cell_type.name).toBe("smooth muscle cell");
  expect(ambiguities.map(({ text }) => text)).toEqual([
    /pulmonary \w+ smooth muscle cells/.exec(question)?.[0],
  ]);
});

describe("with columns for it", () => {
  const SAMPLES = [
    { donor: "p1", disease: "SLE", sex: "F", tissue: "blood" },
    { donor: "p2", disease: "normal", sex: "F", tissue: "blood" },
    { donor: "p3", disease: "normal", sex: "M", tissue: "bone marrow" },
  ];
  /** Of which one is no more than a slip. */
  const CELLS = 60;
  let folder = "";
  let dir = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-context-"));
    dir = join(folder, "atlas");
    const cells = SAMPLES.flatMap((sample) =>
      ["control", "IFN-beta"].flatMap((perturbation) =>
        Array.from({ length: CELLS }, () => ({ ...sample, perturbation })),
      ),
    );
    const genes = Array.from({ length: 30 }, (_, gene) => `G${gene}`);
    const made = adataOf(
      cells.map((_, cell) => genes.map((_gene, gene) => 1 + ((cell * 7 + gene * 3) % 5))),
      genes,
    );
    const source = join(folder, "made.h5ad");
    await writeH5ad(source, {
      ...made,
      obs: {
        index: cells.map((_, cell) => `cell-${cell}`),
        columns: {
          cell_type: cells.map(() => "CD14+ monocyte"),
          perturbation: cells.map(({ perturbation }) => perturbation),
          donor_id: cells.map(({ donor }) => donor),
          organism: cells.map(() => "Homo sapiens"),
          disease: cells.map(({ disease }) => disease),
          sex: cells.map(({ sex }) => sex),
          tissue: cells.map(({ tissue }, cell) => (cell === 0 ? "spleen" : tissue)),
        },
      },
    });
    await importAtlas({ source, outDir: dir }, labelResolver(loadKnowledge()));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const understand = async (question: string): Promise<StructuredQuery> => {
    const places = [{ dir, withhold: null }];
    return (await analyze({ query: question, atlases: places, knowledge: "/nonexistent" }))
      .structured_query;
  };
  const donorsOf = async (query: StructuredQuery): Promise<string[]> => {
    const plan = choosePrompt({
      query,
      atlases: [await openAtlas(dir)],
      knowledge: loadKnowledge(),
      history: [],
      controlStrategy: "query_as_control",
      promptCells: 50,
      queryCells: 50,
      seed: 1,
    });
    return plan.query_parts.map(({ group_id }) => group_id.split("/").at(-1) ?? "").toSorted();
  };

  test.each([
    ["CD14+ monocytes of lupus patients given IFN-beta", "disease", ["SLE"], ["p1"]],
    ["CD14+ monocytes of systemic lupus erythematosus given IFN-beta", "disease", ["SLE"], ["p1"]],
    ["CD14+ monocytes of healthy donors given IFN-beta", "disease", ["normal"], ["p2", "p3"]],
    ["Wie reagieren CD14+ Monozyten von Männern auf IFN-beta?", "sex", ["M"], ["p3"]],
    ["CD14+ monocytes from bone marrow given IFN-beta", "tissue", ["bone marrow"], ["p3"]],
    ["human CD14+ monocytes given IFN-beta", "organism", ["Homo sapiens"], ["p1", "p2", "p3"]],
  ])("%s: %s chooses the cells", async (question, column, values, donors) => {
    const query = await understand(question);
    expect(query.context?.map(({ chose }) => chose)).toEqual([{ column, values }]);
    expect(query.measured_answer?.donors).toBe(donors.length);
    expect(query.not_used).toEqual([]);
    expect(query.ambiguities).toEqual([]);
    expect(await donorsOf(query)).toEqual(donors);
  });

  test("several choose one after another, and what leaves no cells is said", async () => {
    const query = await understand("CD14+ monocytes of healthy female mouse donors and IFN-beta");
    expect(query.context).toEqual([
      expect.objectContaining({
        text: "healthy",
        chose: { column: "disease", values: ["normal"] },
      }),
      expect.objectContaining({ text: "female", chose: { column: "sex", values: ["F"] } }),
      expect.objectContaining({ text: "mouse", chose: null, held: ["Homo sapiens"] }),
    ]);
    expect(await donorsOf(query)).toEqual(["p2"]);
  });

  test("a value that cuts through a group of cells chooses none", async () => {
    const query = await understand("CD14+ monocytes of the spleen given IFN-beta");
    expect(query.context).toMatchObject([{ text: "spleen", chose: null }]);
    expect(query.not_used).toEqual(["tissue"]);
  });

  test("a donor that the atlas lacks is said to choose none", async () => {
    const query = await understand("CD14+ monocytes of donor p7 given IFN-beta");
    expect([query.donor, query.not_used]).toEqual(["p7", ["donor"]]);
  });
});
