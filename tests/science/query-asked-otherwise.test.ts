import { describe, expect, test } from "vitest";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, bloodAtlas, refusalOf } from "./query-atlas.ts";

/** Questions whose names are known and that ask for something else than what a name does to cells. */

const everything = atlasIndex({
  cellTypes: loadKnowledge().cellTypes.map(({ name }) => name),
  perturbations: ["IFN-beta", "TNF"],
});

const ask = (question: string, atlas = everything): StructuredQuery =>
  understandQuestion(question, [atlas]);

const asksOf = (question: string, atlas = everything): unknown =>
  refusalOf(() => ask(question, atlas)).details?.["asks"];

const givenIn = (question: string): string => ask(question).perturbation.name;

describe("comparisons without the word", () => {
  test.each([
    "Do B cells or T cells respond more strongly to IL-4?",
    "Does IL-4 act on B cells and T cells differently?",
    "How do NK cells differ from B cells in their response to IFN-beta?",
    "Are T cells as sensitive to IL-2 as NK cells?",
    "Do NK cells and B cells respond similarly to IFN-beta?",
    "Wie unterscheiden sich NK-Zellen und B-Zellen nach IFN-beta?",
    "How do B cells from lupus patients and from healthy donors differ in response to IFN-alpha?",
    "Which monocytes respond to IFN-beta?",
    "Compare PBMCs with monocytes after IFN-beta",
    "Does IFN-beta act differently in PBMC and monocytes?",
    "Would methotrexate or sulfasalazine change T cells more?",
  ])("%s", (question) => expect(asksOf(question)).toBe("comparison"));

  test.each([
    "How do iPSC-derived neurons respond differently after TNF?",
    "B cells or plasma cells given IL-4",
    "B cells given TNF for more than 6 h",
    "Does TNF make monocytes more responsive?",
    "IFN-beta, which monocytes make, and its effect on B cells",
    "How do CD4 T cells in PBMC differ after IL-2?",
    "How do macrophages differentiated from monocytes respond to IFN-gamma differently?",
    "Which monocyte genes are induced by IFN-beta?",
    "Which T cell genes respond to IL-2?",
    "Which macrophage markers rise after IL-4?",
    "Which NK cell receptors change after IL-15?",
    "Welche T-Zell-Gene reagieren auf IL-2?",
  ])("are none in: %s", (question) => expect(ask(question).understood_by).toBe("rules"));
});

describe("what brings something about, or is made by cells", () => {
  test.each([
    "What induces IFN-beta in CD14+ monocytes?",
    "What stops IFN-beta from acting in B cells?",
    "Which stimuli make monocytes produce IFN-beta?",
    "Do B cells make IFN-beta?",
    "Do monocytes express IL-6?",
    "How much IFN-beta do monocytes secrete?",
    "Is IFN-beta produced by monocytes?",
    "How high is TNF production in monocytes?",
  ])("%s", (question) => expect(asksOf(question)).toBe("cause"));

  test.each([
    ["Do monocytes secrete TNF after LPS?", "Lipopolysaccharide"],
    ["Do LPS-treated monocytes secrete TNF?", "Lipopolysaccharide"],
    ["Do monocytes treated with LPS produce more IL-6?", "Lipopolysaccharide"],
    ["What does IFN-beta induce in monocytes?", "Interferon beta"],
    ["Which genes does IFN-beta induce in monocytes?", "Interferon beta"],
    ["How do monocytes respond to TNF secretion?", "Tumor necrosis factor"],
    ["What changes does IFN-beta cause in monocytes?", "Interferon beta"],
    ["Are IFN-beta induced genes up in monocytes?", "Interferon beta"],
    ["Is TNF induced apoptosis seen in fibroblasts?", "Tumor necrosis factor"],
    ["Which genes regulate IFN-beta responses in monocytes?", "Interferon beta"],
    ["Which transcription factors control TNF responses in monocytes?", "Tumor necrosis factor"],
  ])("is not asked in: %s", (question, name) => expect(givenIn(question)).toBe(name));
});

describe("what other cells left behind", () => {
  test.each([
    "How do B cells respond to supernatant of IFN-beta-treated monocytes?",
    "What does conditioned medium from LPS-treated macrophages do to adipocytes?",
    "How do NK cells respond to extracellular vesicles from monocytes treated with IFN-beta?",
    "How do NK cells respond to macrophage-conditioned medium with IFN-beta?",
    "How do T cells respond to lysates of E. coli?",
  ])("is not what is named with it: %s", (question) =>
    expect(asksOf(question)).toBe("combination"),
  );

  test.each([
    "Do monocytes release exosomes after LPS?",
    "Do monocytes given LPS secrete TNF into the supernatant?",
  ])("is not given in: %s", (question) => expect(givenIn(question)).toBe("Lipopolysaccharide"));

  test("cells that others are together with are not the asked ones", () => {
    const { cell_type, ambiguities } = ask(
      "In the presence of monocytes, how do NK cells respond to IFN-beta?",
    );
    expect(cell_type.name).toBe("natural killer cell");
    expect(ambiguities).toMatchObject([{ field: "cell_type", alternatives: ["monocyte"] }]);
  });
});

describe("what is held back, lacking or another thing", () => {
  test.each([
    "a soluble receptor for TNF",
    "mRNA encoding TNF",
    "inducers of TNF",
    "TNF antisense oligonucleotides",
    "impaired TNF signalling",
    "insufficient TNF",
    "TNF robbed of its activity",
    "TNF that is sequestered",
    "TNF resistance",
    "Zika virus RNA",
  ])("is not answered as the name in it: %s", (words) =>
    expect(asksOf(`How do monocytes respond to ${words}?`)).toBe("inactive"),
  );

  test.each([
    "How do T cells respond to a lack of IL-2?",
    "What if T cells do not get IL-2?",
    "How do T cells that have not been treated with IL-2 look?",
    "How do T cells that haven't seen IL-2 look?",
    "What happens in T cells that lose IL-2?",
    "How do T cells recover from IL-2?",
  ])("is not given: %s", (question) =>
    expect(refusalOf(() => ask(question)).code).toMatch(
      /QUESTION_NOT_UNDERSTOOD|PERTURBATION_UNKNOWN/,
    ),
  );

  test.each([
    "SARS-CoV-2 spike protein",
    "SARS-CoV-2 ORF6 expression",
    "HIV Tat",
    "dengue immune complexes",
    "M. tuberculosis antigens",
  ])("a part of a pathogen is not the pathogen: %s", (words) =>
    expect(refusalOf(() => ask(`How do monocytes respond to ${words}?`)).code).toBe(
      "PERTURBATION_UNKNOWN",
    ),
  );

  test.each([
    ["BCG vaccine", "Bacillus Calmette-Guerin"],
    ["the influenza vaccine", "Influenza vaccine"],
    ["HIV protease inhibitor ritonavir", "Ritonavir"],
    ["Salmonella infection", "Salmonella enterica"],
  ])("%s is %s", (words, name) =>
    expect(givenIn(`How do monocytes respond to ${words}?`)).toBe(name),
  );

  test.each(["siRNA pool against RELA", "shRNA constructs targeting RELA", "siRNAs against RELA"])(
    "is no gene by itself: %s",
    (words) => {
      expect(givenIn(`B cells with ${words}`)).toBe("RELA knockout");
      expect(asksOf(`B cells with ${words}, then TNF`)).toMatch(/background|combination/);
    },
  );

  test.each([
    "a decoy receptor for TNF",
    "autoantibodies against TNF",
    "TNF sequestration",
    "scavenging of TNF",
  ])("is an inhibitor: %s", (words) => {
    const { ambiguities, perturbation } = ask(`How do monocytes respond to ${words}?`);
    expect(perturbation.matched_text).toBe(words.replace(/^a /, ""));
    expect(ambiguities).toMatchObject([
      { field: "perturbation", chosen: "Adalimumab", alternatives: ["Etanercept", "Infliximab"] },
    ]);
  });

  test.each([
    "How do B cells insensitive to IFN-beta behave?",
    "How do naive B cells refractory to IFN-beta respond to IFN-beta?",
    "How do B cells, desensitised to TNF, respond to IFN-beta?",
  ])("cells that no longer answer are others: %s", (question) =>
    expect(asksOf(question)).toBe("background"),
  );

  test.each(["Are B cells resistant to TNF?", "Are human B cells insensitive to TNF?"])(
    "whether cells answer is asked: %s",
    (question) => expect(givenIn(question)).toBe("Tumor necrosis factor"),
  );

  test.each(["anti-IFNAR2", "GM6001", "an anti-IL99R antibody"])(
    "an unknown name in whose presence it is given is not left out: %s",
    (name) =>
      expect(
        asksOf(`How do monocytes respond to IFN-beta (10 ng/ml) in the presence of ${name}?`),
      ).toBe("combination"),
  );

  test.each(["5% FBS", "serum", "0.1% BSA", "CD4+ T cells"])(
    "what cells are grown in or with is no dose and no treatment: %s",
    (what) => {
      const { dose, cell_type } = ask(
        `How do monocytes respond to TNF in the presence of ${what}?`,
      );
      expect([dose, cell_type.name]).toEqual([null, "monocyte"]);
    },
  );
});

test.each(["NK cells with or without IFN-beta", "NK-Zellen mit und ohne IFN-beta"])(
  "both sides of one comparison with control cells are one question: %s",
  (question) => expect(givenIn(question)).toBe("Interferon beta"),
);

test.each([
  "IFN-beta RNA-seq of monocytes",
  "Monocytes given IFN-beta RNA expression",
  "IFN-beta DNA methylation changes in monocytes",
  "Rescue of exhausted T cells by IFN-beta",
  "Rescue with IFN-beta in NK cells: which genes?",
  "Rescue of T cells with IFN-beta",
  "How does the secretome of macrophages change after IFN-beta?",
  "What is in the supernatant of monocytes after IFN-beta?",
  "Lysates of B cells given IFN-beta were sequenced",
  "B cells with or without TNF given IFN-beta",
])("what is measured or made good is what a treatment does: %s", (question) =>
  expect(givenIn(question)).toBe("Interferon beta"),
);

test("a rescue is not the loss beside it", () => {
  expect(asksOf("STAT2 rescue in STAT2-null NK cells")).toBe("background");
});

test("starvation may be of several things, and fasting is of none of them", () => {
  const { ambiguities } = ask("How do hepatocytes respond to starvation?");
  expect(ambiguities).toMatchObject([
    {
      chosen: "Amino acid starvation",
      alternatives: ["Glucose starvation", "Serum starvation"],
    },
  ]);
  expect(refusalOf(() => ask("How do hepatocytes respond to fasting?")).code).toBe(
    "PERTURBATION_UNKNOWN",
  );
});

describe("what one thing does to what another does", () => {
  test.each([
    "Does MX1 restrict what IFN-beta does in monocytes?",
    "Does SOCS1 shape how B cells react to IFN-beta?",
    "Does ISG15 counter what IFN-beta does to B cells?",
  ])("is needed to know: %s", (question) => expect(asksOf(question, bloodAtlas())).toBe("need"));

  test("is given beside it: prevent IFN-beta from ...", () => {
    expect(asksOf("Does dexamethasone prevent IFN-beta from changing B cells?")).toBe(
      "combination",
    );
  });

  test.each([
    "What is the role of IFN-beta in monocytes?",
    "Role of IFN-beta in human monocytes from lupus patients",
  ])("the role of what is given is what it does: %s", (question) =>
    expect(givenIn(question)).toBe("Interferon beta"),
  );

  test.each([
    "What is the role of IFN-beta in the response of monocytes to LPS?",
    "What is the role of autocrine IFN-beta in monocytes?",
    "What is the role of IFN-beta in monocyte differentiation?",
    "What is the importance of IFN-beta for monocytes?",
  ])("but not in what cells do by themselves: %s", (question) =>
    expect(asksOf(question)).toBe("need"),
  );
});
