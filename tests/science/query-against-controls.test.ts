import { describe, expect, test } from "vitest";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, refusalOf } from "./query-atlas.ts";

/** What every answer says anyway is no comparison of two things, and sets of genes are not given. */

const knowledge = loadKnowledge();
const atlas = atlasIndex({
  cellTypes: ["B cell", "T cell", "monocyte", "peripheral blood mononuclear cell"],
  perturbations: ["IFN-beta", "TNF", "IL-4 + IL-13"],
});
const ask = (question: string) => understandQuestion(question, [atlas], knowledge);
const read = (question: string) => {
  const { cell_type, perturbation } = ask(question);
  return [cell_type.name, perturbation.name];
};
const asksOf = (question: string): unknown => refusalOf(() => ask(question)).details?.["asks"];

describe("a comparison with controls", () => {
  const both = "Interleukin 4 + Interleukin 13";
  test.each([
    ["Single-cell RNA-seq of B cells stimulated with IL-4 and IL-13 versus vehicle", both],
    ["Do B cells given IL-4 and IL-13 express more FCER2 than controls?", both],
    ["B cells with IL-4 plus IL-13 compared to untreated cells", both],
    ["B cells treated with the MEK inhibitor trametinib vs. DMSO", "Trametinib"],
    ["How do B cells given the JAK inhibitor ruxolitinib differ from controls?", "Ruxolitinib"],
    ["Compare B cells before and after the JAK inhibitor ruxolitinib", "Ruxolitinib"],
    ["Compare B cells before and after IL-4 and IL-13", both],
    ["Is there a difference in B cells with and without IL-4 plus IL-13?", both],
    ["B cells in the presence and absence of dexamethasone", "Dexamethasone"],
  ])("is what every answer has: %s", (question, given) =>
    expect(read(question)).toEqual(["B cell", given]),
  );

  test.each([
    "B cells treated with IL-4 vs IL-13",
    "IL-4 versus vehicle and IL-13 versus vehicle in B cells",
    "B cells: IL-4 versus control, then IL-13",
    "TNF versus IL-6 compared with control in B cells",
    "B cells with IL-4 versus untreated T cells",
    "Compare IL-4 before and after IL-13 in B cells",
    "LPS-treated B cells with and without dexamethasone",
  ])("hides no other comparison: %s", (question) => expect(asksOf(question)).toBe("comparison"));
});

test.each([
  ["How do PBMC monocytes differ after IFN-beta?", ["monocyte", "Interferon beta"]],
  [
    "How much do PBMC B cells change after TNF compared with controls?",
    ["B cell", "Tumor necrosis factor"],
  ],
])("a mixture in front of cells says where they are from: %s", (question, expected) =>
  expect(read(question)).toEqual(expected),
);

test.each([
  "Do PBMC and monocytes differ after IFN-beta?",
  "How do PBMC, monocytes differ after TNF?",
])("a mixture beside cells is compared with them: %s", (question) =>
  expect(asksOf(question)).toBe("comparison"),
);

describe("examples of what may change", () => {
  test.each([
    [
      "Does STAT1 knockout change cytokine expression in B cells, e.g. IL-8 or CCL2?",
      "STAT1 knockout",
    ],
    ["Does STAT1 knockout alter genes such as IL6, IL-10 and CCL2 in B cells?", "STAT1 knockout"],
    ["Does TNF raise expression of chemokines like CCL2 in B cells?", "Tumor necrosis factor"],
    ["Transcriptomic signature of TNF in B cells", "Tumor necrosis factor"],
  ])("are not given: %s", (question, given) => expect(read(question)).toEqual(["B cell", given]));

  test("of what cells are given are", () => {
    expect(asksOf("How do STAT1 knockout B cells respond to cytokines such as IL-4?")).toBe(
      "background",
    );
    expect(asksOf("Are B cells with and without TNF plus IL-6 different?")).toBe("combination");
  });
});

describe("interferon-stimulated genes", () => {
  test.each([
    ["Does STAT1 knockout induce interferon-stimulated genes in B cells?", "STAT1 knockout"],
    [
      "Does USP18 knockout raise interferon-stimulated gene expression in B cells?",
      "USP18 knockout",
    ],
  ])("are not given: %s", (question, given) => expect(read(question)).toEqual(["B cell", given]));

  test("what induces them is given to changed cells", () => {
    expect(asksOf("Does STAT1 knockout reduce IFN-beta-induced genes in monocytes?")).toBe(
      "background",
    );
  });
});

test.each([
  ["Which genes does histamine turn on in B cells?", "Histamine"],
  ["Does ATP activate B cells?", "ATP"],
  ["How testosterone affects B cells", "Testosterone"],
])("a verb behind a substance ends its name: %s", (question, given) =>
  expect(read(question)).toEqual(["B cell", given]),
);

test.each([
  "Does insulin secretion change in B cells?",
  "ATP release of B cells",
  "House dust mite extract in B cells",
])("a noun behind a substance does not: %s", (question) =>
  expect(refusalOf(() => ask(question)).code).toBe("QUESTION_NOT_UNDERSTOOD"),
);

test.each(["What does ATP depletion do to B cells?", "ROS depletion in B cells"])(
  "what cells are depleted of is no gene of a similar name: %s",
  (question) => expect(refusalOf(() => ask(question)).code).toBe("QUESTION_NOT_UNDERSTOOD"),
);

test("no name reaches over a comma that it does not have", () => {
  const fibroblasts = atlasIndex({ cellTypes: ["fibroblast"], perturbations: ["IFN-beta"] });
  const { cell_type, perturbation } = understandQuestion(
    "fibroblasts, interferon beta, 24 h",
    [fibroblasts],
    knowledge,
  );
  expect([cell_type.name, perturbation.name]).toEqual(["fibroblast", "Interferon beta"]);
});
