import { describe, expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, refusalOf } from "./query-atlas.ts";

/**
 * Names that are not written out, names that say what cells are and not what they are given, and class
 * words beside the name of a substance.
 */

const knowledge = loadKnowledge();
const all = atlasIndex({
  cellTypes: [
    ..."T cell,B cell,memory B cell,naive B cell,germinal center B cell,monocyte".split(","),
    ..."classical monocyte,non-classical monocyte,macrophage,dendritic cell,leukocyte".split(","),
    ..."epithelial cell,keratinocyte,melanocyte,fibroblast,hepatocyte,enterocyte".split(","),
    ..."pulmonary alveolar type 1 cell,pulmonary alveolar type 2 cell,megakaryocyte".split(","),
    ..."innate lymphoid cell,group 3 innate lymphoid cell,preosteoblast".split(","),
    "CD4-positive, alpha-beta T cell",
    "CD8-positive, alpha-beta T cell",
  ],
  perturbations: ["IFN-beta", "TNF"],
});
const ask = (question: string, atlas = all) => understandQuestion(question, [atlas], knowledge);
const refusal = (question: string) => refusalOf(() => ask(question));
const asksOf = (question: string): unknown => refusal(question).details?.["asks"];
const givenIn = (question: string): string => ask(question).perturbation.name;

describe("cells that share their noun", () => {
  test.each([
    "What is the difference between CD4 and CD8 T cells in their response to IL-7?",
    "CD4+ versus CD8+ T cells after IL-7",
    "How do classical and non-classical monocytes differ after LPS?",
    "Do naive or memory B cells respond more to IL-21?",
    "Type I versus type II pneumocytes with IL-13",
    "Naive versus effector memory B cells and IL-21",
    "NK and T cells compared: IL-15",
    "Which of naive and memory B cells respond to IL-21?",
    "Which of IL-2 and IL-15 activates T cells?",
  ])("are compared: %s", (question) => expect(asksOf(question)).toBe("comparison"));

  test.each([
    ["How do CD4 and CD8 T cells respond to IL-7?", "CD8-positive, alpha-beta T cell"],
    ["How do naive, memory and germinal center B cells respond to IL-21?", "memory B cell"],
    ["Do B and T cells respond to IL-2?", "T cell"],
    ["How do epithelial and immune cells respond to TNF?", "leukocyte"],
  ])("are all said: %s", (question, other) =>
    expect(ask(question).ambiguities).toContainEqual(
      expect.objectContaining({
        field: "cell_type",
        alternatives: expect.arrayContaining([other]) as string[],
      }),
    ),
  );

  test.each([
    "How do LPS-treated monocytes change compared with untreated monocytes?",
    "How do PBMC monocytes compared to tissue respond to LPS?",
    "Monocytes given LPS compared to unstimulated macrophages and B cells",
  ])("are not compared with what is untreated: %s", (question) =>
    expect(givenIn(question)).toBe("Lipopolysaccharide"),
  );

  test.each([
    ["pneumocytes type II with IL-13", "pulmonary alveolar type 2 cell"],
    ["innate lymphoid cells type 3 with IL-23", "group 3 innate lymphoid cell"],
  ])("have their number behind them: %s", (question, name) =>
    expect(ask(question).cell_type.name).toBe(name),
  );

  test.each(["LPS and dendritic cells", "How would T cells respond to IL-2 and TNF, and when?"])(
    "are none in: %s",
    (question) => {
      const cells = (): unknown[] =>
        ask(question).ambiguities.filter(({ field }) => field === "cell_type");
      expect(question.startsWith("LPS") ? cells() : asksOf(question)).toEqual(
        question.startsWith("LPS") ? [] : "combination",
      );
    },
  );

  test("a precursor is not the cells that it becomes", () => {
    for (const cells of ["Pre-B cells", "pre-monocytes", "pre-DC"])
      expect(refusal(`How do ${cells} respond to IL-7?`).code).toBe("CELL_TYPE_UNKNOWN");
    expect(ask("How do pre-osteoblasts respond to TNF?").cell_type.name).toBe("preosteoblast");
  });
});

describe("what cells are, make or do not get", () => {
  test.each([
    "Dexamethasone-resistant T cells",
    "Cisplatin sensitive fibroblasts",
    "rituximab-refractory B cells",
    "steroid-naive monocytes",
    "TNF-producing T cells",
    "IL-17-secreting T cells",
    "CMV-specific T cells",
    "T cells of CMV-seronegative donors",
  ])("is not given: %s", (question) =>
    expect(refusal(question)).toMatchObject({
      code: "QUESTION_NOT_UNDERSTOOD",
      message: expect.stringMatching(/^The question names ".+", and not as what the cells are/),
    }),
  );

  test.each([
    ["TNF-producing T cells after IL-2", "Interleukin 2"],
    ["CMV-specific T cells given IL-15", "Interleukin 15"],
    ["dexamethasone-treated T cells", "Dexamethasone"],
    ["LPS-exposed monocytes", "Lipopolysaccharide"],
    ["CMV-infected fibroblasts", "Human cytomegalovirus"],
    ["Dexamethasone-responsive genes in T cells", "Dexamethasone"],
    ["IL-4-specific effects in B cells", "Interleukin 4"],
    ["IL-6 negative regulators in hepatocytes", "Interleukin 6"],
    ["T cells from patients with measles given IL-2", "Interleukin 2"],
  ])("is told from what is: %s", (question, name) => expect(givenIn(question)).toBe(name));

  test.each(["B cells of patients off rituximab", "Monocytes of donors naive to dexamethasone"])(
    "is said not to be given: %s",
    (question) => expect(() => ask(question)).toThrow(HaystackError),
  );

  test("what is named and not given is not said to be missing", () =>
    expect(refusal("How do fibroblasts lose TNF sensitivity?").message).toContain('names "TNF"'));
});

describe("how much of something there is", () => {
  test.each([
    "Expression of TNF in macrophages",
    "Secretion of TNF by macrophages",
    "TNF levels in monocyte cultures",
    "What is the abundance of IL-10 in B cells?",
    "Interferon signature in lupus monocytes",
    "IFN-gamma score of T cells",
    "Release of histamine by macrophages",
  ])("is what cells make: %s", (question) => expect(asksOf(question)).toBe("cause"));

  test.each([
    ["Do T cells respond to release of IL-6 by fibroblasts?", "Interleukin 6"],
    ["How do T cells respond to high levels of IL-6?", "Interleukin 6"],
    ["What do increasing concentrations of IL-6 do to hepatocytes?", "Interleukin 6"],
    ["How do T cells respond to TNF levels of 10 ng/ml?", "Tumor necrosis factor"],
    ["IL-4 expression profiles of B cells", "Interleukin 4"],
    ["Gene expression of IFN-beta-treated monocytes", "Interferon beta"],
    ["Expression of IFN-beta-induced genes in monocytes", "Interferon beta"],
    ["IFN-beta response signature in monocytes", "Interferon beta"],
    ["How does TNF expression change in macrophages after LPS?", "Lipopolysaccharide"],
  ])("is not asked: %s", (question, name) => expect(givenIn(question)).toBe(name));
});

describe("class words beside a name", () => {
  test.each([
    ["Keratinocytes under IL-13 blockade with lebrikizumab", "Lebrikizumab"],
    ["IL-13 blockade by the antibody lebrikizumab in keratinocytes", "Lebrikizumab"],
    ["How would T cells respond to the KRAS G12C inhibitor sotorasib?", "Sotorasib"],
    ["TNF blockade with certolizumab in macrophages", "Certolizumab Pegol"],
    ["IL-23 blockade with risankizumab in T cells", "Risankizumab"],
    ["BRAF V600E inhibitor vemurafenib in melanocytes", "Vemurafenib"],
    ["the mutant IDH1 inhibitor ivosidenib in monocytes", "Ivosidenib"],
  ])("describe it: %s", (question, name) => expect(givenIn(question)).toBe(name));

  test.each([
    "TNF blockade with dexamethasone in monocytes",
    "PD-1 blockade with ipilimumab in T cells",
    "TNF blockade with xyzolumab in macrophages",
    "How do B cells differ when treated with IL-4 and CD40L?",
  ])("are given with it: %s", (question) => expect(asksOf(question)).toBe("combination"));

  test.each(["JAK2 V617F monocytes given ruxolitinib", "JAK2-mutant monocytes plus ruxolitinib"])(
    "are none of the cells: %s",
    (question) => expect(asksOf(question)).toBe("background"),
  );

  test.each(["How do IL-4 and IL-13 differ in macrophages?", "IL-4 versus IL-13 in macrophages"])(
    "two that differ are compared: %s",
    (question) => expect(asksOf(question)).toBe("comparison"),
  );
});

describe("what cells are without", () => {
  test.each([
    ["B cells without T cell help, given IL-21", "Interleukin 21"],
    ["How do monocytes behave with IL-4 but without GM-CSF?", "Interleukin 4"],
  ])("is no gene in the first word of: %s", (question, name) =>
    expect(givenIn(question)).toBe(name),
  );

  test("may be a gene", () =>
    expect(asksOf("Macrophages without STAT1 given IFN-gamma")).toBe("background"));
});

describe("2D, 3D and 17D", () => {
  test.each([
    ["3D organoids of enterocytes treated with IL-22", null],
    ["Macrophages in 3D with LPS", null],
    ["Macrophages in 3d culture with LPS", null],
    ["2D monolayers of hepatocytes given IL-6 for 3 d", "3 d"],
    ["B cells after yellow fever vaccine 17D", null],
    ["Monocytes, LPS, 7D", "7 d"],
    ["Monocytes given LPS for 3D", "3 d"],
    ["Monocytes given LPS 24H", "24 h"],
  ])("%s", (question, time) => expect(ask(question).time).toBe(time));
});

describe("losses by other words", () => {
  test.each([
    ["CTCF-depleted B cells", "CTCF"],
    ["depletion of CTCF in B cells", "CTCF"],
    ["auxin-induced degradation of CTCF in B cells", "CTCF"],
    ["RUNX1 haploinsufficiency in megakaryocytes", "RUNX1"],
    ["Repression of GATA1 with CRISPRi in T cells", "GATA1"],
    ["BRD4 knockdown with siRNA in B cells", "BRD4"],
    ["dCas9-KRAB repression of MYC in T cells", "MYC"],
    ["Mice lacking Il10: what do their macrophages look like?", "IL10"],
  ])("%s", (question, gene) =>
    expect(ask(question).perturbation).toMatchObject({
      kind: "genetic",
      external_ids: { hgnc: gene },
      name: expect.stringContaining("knockout") as string,
    }),
  );

  test.each(["CD4 depletion in mice, B cells", "B cells in medium lacking IL-10"])(
    "are none in: %s",
    (question) => expect(() => ask(question)).toThrow(HaystackError),
  );

  test("what is activated by CRISPRa is gained", () => {
    expect(givenIn("KLF1 activated by CRISPRa in T cells")).toBe("KLF1 overexpression");
    expect(asksOf("T cells with both KLF1 and CEBPA activated by CRISPRa")).toBe("combination");
    expect(givenIn("Does IFN-beta cause MYC repression in B cells?")).toBe("Interferon beta");
  });
});

describe("other names", () => {
  test.each([
    ["adrenaline", "Epinephrine"],
    ["paracetamol", "Acetaminophen"],
    ["oleate", "Oleic Acid"],
    ["FSH", "Follicle Stimulating Hormone"],
    ["potassium chloride", "Potassium chloride"],
    ["KCl", "Potassium chloride"],
  ])("%s is %s", (name, usual) =>
    expect(givenIn(`How do monocytes respond to ${name}?`)).toBe(usual),
  );

  test.each([
    ["heat-shocked fibroblasts", "Heat shock", "environment"],
    ["serum-starved fibroblasts", "Serum starvation", "environment"],
    ["macrophages starved of serum", "Serum starvation", "environment"],
    ["UV-irradiated keratinocytes", "Ultraviolet radiation", "environment"],
    ["enterocytes infected with rotavirus", "Rotavirus", "pathogen"],
    ["LCMV infection of T cells", "Lymphocytic choriomeningitis virus", "pathogen"],
    ["hepatocytes after acetaminophen poisoning", "Acetaminophen", "drug"],
    ["monocytes respond to SARS-CoV-2 immune challenge", "SARS-CoV-2", "pathogen"],
  ])("%s", (question, name, kind) =>
    expect(ask(question).perturbation).toMatchObject({ name, kind }),
  );

  test("neither a name that is written already nor an unlike virus is offered", () => {
    expect(refusal("How do monocytes respond to succinate?").message).not.toContain("did you mean");
    expect(refusal("monocytes infected with Hendra virus").message).not.toContain("Ebola");
    expect(refusal("monocytes given SARS-CoV-2 immune complexes").code).toBe(
      "PERTURBATION_UNKNOWN",
    );
  });
});
