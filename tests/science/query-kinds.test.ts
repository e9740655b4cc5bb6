import { describe, expect, test } from "vitest";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { queryOfLabels } from "../../science/query/exact-labels.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, refusalOf } from "./query-atlas.ts";

/** Kinds of questions whose half, opposite or neighbour must never be answered for what was asked. */

const everything = atlasIndex({
  cellTypes: loadKnowledge().cellTypes.map(({ name }) => name),
  perturbations: ["IFN-beta", "TNF"],
  genes: ["CBLB", "RASA2", "KLF1", "ISG15"],
});

const ask = (question: string, atlas: AtlasIndex = everything): StructuredQuery =>
  understandQuestion(question, [atlas]);

const refusal = (question: string, atlas: AtlasIndex = everything) =>
  refusalOf(() => understandQuestion(question, [atlas]));

describe("several at once", () => {
  test.each([
    ["How do monocytes respond to TNF plus IFN-gamma?", 2],
    ["How do monocytes respond to IFN-beta and dexamethasone together in donor 101?", 2],
    ["NK cells with IL-12/15/18", 3],
    ["NK cells with IL-2/IL-15", 2],
    ["T cells given IL-7 (10 ng/ml) + IL-15 (5 ng/ml)", 2],
    ["How would T cells respond to a double KO of CBLB and RASA2?", 2],
    ["T cells after CBLB/RASA2 double knockout", 2],
    ["Wie reagieren Monozyten auf TNF und IFN-gamma?", 2],
    ["巨噬细胞对干扰素γ和脂多糖的反应", 2],
    ["monocytes and IL-4 in combination with IL-13", 2],
  ])("%s: refused where no atlas holds them together", (question, parts) => {
    const { code, message, details } = refusal(question);
    expect([code, message]).toEqual(["PERTURBATION_UNKNOWN", expect.stringContaining("together")]);
    expect(details).toEqual({ asks: "combination" });
    const named = / for (.*) together, /.exec(message)?.[1]?.split(" and ") ?? [];
    expect(named).toHaveLength(parts);
  });

  test.each([
    ["How do monocytes respond to TNF and IFN-beta?", "IFN-beta+TNF"],
    ["How do monocytes respond to IFN-beta + TNF?", "TNF & IFN-b"],
    ["T cells with a double knockout of STAT1 and JAK2", "STAT1 KO + JAK2 KO"],
  ])("%s: read as the cells of the atlas that were given both (%s)", (question, label) => {
    const { perturbation, ambiguities } = ask(
      question,
      atlasIndex({ cellTypes: ["monocyte", "T cell"], perturbations: ["TNF", "IFN-beta", label] }),
    );
    expect(perturbation.atlas_labels).toEqual([label]);
    expect(perturbation.combination).toHaveLength(2);
    expect(ambiguities).toEqual([]);
  });

  test.each([
    "monocytes treated with anti-TNF (infliximab)",
    "monocytes given R848 (resiquimod)",
    "How do monocytes respond to AICAR (Acadesine)?",
    "How do monocytes respond to IFN-beta or TNF?",
    "How do monocytes respond to IFN-beta, not TNF?",
  ])("%s: one thing is given", (question) => {
    expect(ask(question).perturbation).not.toHaveProperty("combination");
  });
});

test.each([
  "What do T cells do when CBLB and RASA2 are activated together?",
  "T cells given CBLB and RASA2",
])("%s: no gene of several is answered alone", (question) => {
  const held = atlasIndex({
    cellTypes: ["T cell"],
    perturbations: ["RASA2 CRISPRa"],
    genes: ["CBLB", "RASA2"],
  });
  expect(refusal(question, held).code).toBe("PERTURBATION_UNKNOWN");
});

describe("names of other columns", () => {
  const atlas = {
    ...atlasIndex({ cellTypes: ["lung adenocarcinoma line", "CD4 naive"], perturbations: ["TNF"] }),
    further_names: [
      { column: "cell_line", name: "A549", cell_types: ["lung adenocarcinoma line"] },
      { column: "celltype.l1", name: "T cell", cell_types: ["CD4 naive"] },
    ],
  };

  test.each([
    ["How would A549 cells respond to TNF?", "A549", ["lung adenocarcinoma line"]],
    ["A-549 and TNF", "A549", ["lung adenocarcinoma line"]],
    ["How do T cells respond to TNF?", "T cell", ["CD4 naive"]],
  ])("%s", (question, name, labels) => {
    const { cell_type, ambiguities } = ask(question, atlas);
    expect([cell_type.name, cell_type.atlas_labels, ambiguities]).toEqual([name, labels, []]);
  });
});

describe("cells that lack a gene", () => {
  test.each([
    "Would STAT1-deficient monocytes respond to IFN-gamma?",
    "How would TLR4-/- macrophages respond to LPS?",
    "How do Tp53+/- fibroblasts respond to TGF-beta?",
    "How do MYD88 KO macrophages react to LPS?",
    "How do macrophages lacking MYD88 respond to LPS?",
    "IFN-gamma response of STAT1-knockout monocytes",
  ])("%s: others do not stand for them", (question) => {
    expect([refusal(question).code, refusal(question).message]).toEqual([
      "CELL_TYPE_NOT_IN_ATLAS",
      expect.stringContaining("no atlas holds such cells"),
    ]);
  });

  test("cells that the atlas has with both are taken", () => {
    const held = atlasIndex({ cellTypes: ["monocyte"], perturbations: ["STAT1 KO + IFN-gamma"] });
    const { perturbation } = ask("How would STAT1-/- monocytes respond to IFN-gamma?", held);
    expect(perturbation.atlas_labels).toEqual(["STAT1 KO + IFN-gamma"]);
  });
});

describe("the direction", () => {
  test.each([
    ["How would macrophages respond to TLR4 agonists?", "lps"],
    ["macrophages after TLR4 activation", "lps"],
    ["How do hepatocytes respond to IL-6 receptor blockade?", "tocilizumab"],
    ["hepatocytes given an IL-6 receptor antagonist", "tocilizumab"],
    ["How would hematopoietic stem cells respond to KLF1 activation?", null],
    ["In the absence of TGF-beta, how do T cells respond to IL-2?", "il-2"],
    ["T cells in IL-2-free medium with IL-7", "il-7"],
    ["How do fibroblasts respond to hyperoxia?", "hyperoxia"],
    ["How do endothelial cells respond to hypoxia (1% O2)?", "hypoxia"],
    ["How do epithelial cells respond to SARS-CoV-2 infection?", "sars-cov-2"],
  ])("%s", (question, id) => {
    expect(ask(question).perturbation.id).toBe(id);
  });

  test("activation of a gene is a gain of it", () => {
    const { perturbation, expected_targets } = ask("hematopoietic stem cells and KLF1 activation");
    expect([perturbation.name, perturbation.kind]).toEqual(["KLF1 overexpression", "genetic"]);
    expect(expected_targets).toContainEqual(
      expect.objectContaining({ gene: "KLF1", direction: "up" }),
    );
  });

  test.each([
    ["How would keratinocytes respond to a FOXP3 antagonist?", "antagonist"],
    ["How do T cells respond to IL-2 withdrawal?", ""],
    ["How do monocytes respond without IFN-beta?", ""],
  ])("%s: no opposite is answered", (question) => {
    expect(refusal(question).code).toMatch(/PERTURBATION_UNKNOWN|QUESTION_NOT_UNDERSTOOD/);
  });

  test("a gene alone is asked back, unless the atlas says what is done to it", () => {
    expect(refusal("How would T cells respond to STAT1?").message).toContain(
      "does not say what is done to it",
    );
    const gain = atlasIndex({ cellTypes: ["T cell"], perturbations: ["STAT1 CRISPRa"] });
    expect(ask("How would T cells respond to STAT1?", gain).perturbation.atlas_labels).toEqual([
      "STAT1 CRISPRa",
    ]);
  });
});

describe("a number behind a name", () => {
  test.each(["TGF-beta 2", "FGF 9", "BMP 7", "TNF 3"])("makes another name of it: %s", (name) => {
    const { code, message } = refusal(`How do B cells respond to 10 ng/ml ${name} for 7 days?`);
    expect([code, message]).toEqual(["PERTURBATION_UNKNOWN", expect.stringContaining(name)]);
  });

  test.each(["TNF, 2 donors", "TNF 10 ng/ml", "IL-2 for 2 days", "TNF (3 replicates)"])(
    "is none of it in %s",
    (words) => expect(ask(`B cells given ${words}`).perturbation.id).toMatch(/^(?:tnf|il-2)$/),
  );
});

describe("oxygen", () => {
  test.each([
    ["B cells at 1% O2", "hypoxia", "1 %"],
    ["B cells under 5% oxygen", "hypoxia", "5 %"],
    ["B cells in 60 % oxygen", "hyperoxia", "60 %"],
    ["B cells under hypoxia (1% O2)", "hypoxia", "1 %"],
    ["HepG2 cells under 1% oxygen hypoxia", "hypoxia", "1 %"],
  ])("%s is %s", (question, id, dose) => {
    const atlas = atlasIndex({ cellTypes: ["B cell", "HepG2"], perturbations: ["TNF"] });
    const query = ask(question, atlas);
    expect([query.perturbation.id, query.dose]).toEqual([id, dose]);
  });

  test("as in air is nothing that cells are given", () => {
    expect(refusal("B cells with 21% oxygen").code).toBe("QUESTION_NOT_UNDERSTOOD");
    expect(ask("B cells with 20% O2 given TNF").perturbation.id).toBe("tnf");
  });
});

test("the words after the verb of giving are named as unknown", () => {
  expect(refusal("B cells of ten healthy donors infected with Lassa virus").message).toContain(
    '"Lassa virus"',
  );
});

describe("what was not read is said", () => {
  test.each([
    ["How would CD8+ PD-1+ T cells respond to IL-2?", "CL:0000625", "PD-1+ T cells"],
    [
      "How would frayed smooth muscle cells respond to TGF-beta?",
      "CL:0000192",
      "frayed smooth muscle cells",
    ],
    ["senescent fibroblasts given TNF", "CL:0000057", "senescent fibroblasts"],
  ])("%s", (question, id, words) => {
    const { cell_type, ambiguities } = ask(question);
    expect(cell_type.cell_ontology_id).toBe(id);
    expect(ambiguities).toContainEqual({
      field: "cell_type",
      text: words,
      chosen: cell_type.name,
      alternatives: [],
    });
  });

  test("a type that the atlas does not hold is refused with the nearest that it holds", () => {
    const kang = atlasIndex({ cellTypes: ["CD14+ Monocytes", "B cells"], perturbations: ["TNF"] });
    expect(refusal("How would classical monocytes respond to TNF?", kang).message).toContain(
      "ask about CD14+ Monocytes, the nearest that it has,",
    );
  });

  test("a label in the singular is found by its plural", () => {
    const one = atlasIndex({ cellTypes: ["glioblastoma cell"], perturbations: ["TNF"] });
    expect(ask("glioblastoma cells and TNF", one).cell_type.atlas_labels).toEqual([
      "glioblastoma cell",
    ]);
  });
});

test.each([
  ["Monocyte-derived macrophages infected with HIV-1", "macrophage"],
  ["How do T cells derived from hematopoietic stem cells respond to IL-2?", "T cell"],
])("%s: the origin of cells is not asked about", (question, name) => {
  expect(ask(question).cell_type.name).toBe(name);
});

describe("comparisons", () => {
  test.each([
    "Which cell type responds most to IFN-beta?",
    "What cytokines activate monocytes?",
    "Which drug would reverse exhaustion of CD8 T cells?",
    "Compare monocytes and B cells after IFN-beta",
    "What is the difference between IFN-beta and TNF in monocytes?",
    "Welche Zellen reagieren auf IFN-beta?",
    "Quelles cellules répondent à IFN-beta ?",
    "Which of the dendritic cell subsets reacts most strongly to poly(I:C)?",
    "Which subsets of T cells respond to IL-2?",
    "Which T cells are most sensitive to IL-2?",
    "Whose monocytes respond best to IFN-beta?",
    "Do B cells respond more to IL-4 than to IL-21?",
    "Is the response of B cells to IL-4 stronger than that of T cells?",
    "Does nefazodone change hepatocytes more than buspirone?",
    "Compare 1 nM and 10 nM dexamethasone in B cells",
    "What is the difference between 6 h and 24 h of TNF in B cells?",
    "B cells with IL-4 at 10 vs 100 ng/ml",
  ])("%s: refused, with how to ask", (question) => {
    expect([refusal(question).code, refusal(question).message]).toEqual([
      "QUESTION_NOT_UNDERSTOOD",
      expect.stringContaining("ask about each by itself"),
    ]);
  });

  test.each([
    "Which genes would TNF change in naive B cells?",
    "What do CD8 T cells do after IL-7?",
    "Which genes change most in B cells given TNF?",
    "Which genes change in B cells given TNF?",
    "B cells given TNF for more than 6 h",
    "monocytes treated with IFN-beta versus control",
  ])("%s: no comparison of members", (question) => {
    expect(ask(question).understood_by).toBe("rules");
  });
});

test.each(["house dust mite extract", "caffeine energy drink"])(
  "a name that goes on in words that were not read is another: %s",
  (name) => {
    expect(refusal(`How would B cells respond to ${name}?`).code).toMatch(
      /PERTURBATION_UNKNOWN|QUESTION_NOT_UNDERSTOOD/,
    );
  },
);

test.each([
  "B cells under metformin treatment",
  "How do B cells respond to aspirin for 2 h?",
  "effect of caffeine on B cells",
  "B cells after ketamine exposure",
])("%s: a name with words of giving is whole", (question) => {
  expect(ask(question).cell_type.name).toBe("B cell");
});

test("acinar cells of the pancreas are pancreatic", () => {
  expect(ask("acinar cells of the pancreas and TNF").cell_type.name).toBe("pancreatic acinar cell");
});

test.each([
  ["How do B cells respond to 1 µM dexamethasone or to 10 ng/ml IL-4?", "1 µM"],
  ["monocytes given IL-10 at 20 ng/ml, not TNF at 5 ng/ml", "20 ng/ml"],
])("a dose is that of what it stands beside: %s", (question, dose) => {
  expect(ask(question).dose).toBe(dose);
});

test("the dose before a name does not hide it", () => {
  expect(refusal("How would B cells treated with 1 uM zorblamine respond?").message).toContain(
    '"zorblamine"',
  );
});

test.each(["insulinoid", "virus HKU-99", "dopaminergic soup"])(
  "no unlike thing is suggested for %s",
  (name) => {
    expect(refusal(`How would adipocytes respond to ${name}?`).details).toMatchObject({
      nearest: expect.not.arrayContaining(["Imukin", "Indocin", "Tarceva"]) as string[],
    });
  },
);

describe("labels as the atlas writes them", () => {
  const atlas = atlasIndex({ cellTypes: ["B cells", "A549"], perturbations: ["IFN-beta", "x+y"] });
  const asked = (cell_type: string, perturbation: string): StructuredQuery =>
    queryOfLabels({ cell_type, perturbation }, [atlas], loadKnowledge());

  test("mean the label itself and what the knowledge says of it, and no lineage of a line", () => {
    const query = asked("B cells", "IFN-beta");
    expect(query.cell_type).toMatchObject({ name: "B cell", atlas_labels: ["B cells"] });
    expect(query.perturbation).toMatchObject({ id: "ifn-beta", atlas_labels: ["IFN-beta"] });
    expect(query.expected_targets.length).toBeGreaterThan(0);
    const line = asked("A549", "x+y");
    expect([line.cell_type.cell_ontology_id, line.perturbation.atlas_labels]).toEqual([
      null,
      ["x+y"],
    ]);
  });

  test.each([
    ["B cell", "IFN-beta", "CELL_TYPE_NOT_IN_ATLAS", '"B cell"'],
    ["B cells", "interferon beta", "PERTURBATION_UNKNOWN", '"interferon beta"'],
    ["B cells", "control", "PERTURBATION_UNKNOWN", '"control"'],
  ])("%s, %s: nothing is repaired", (cell, perturbation, code, words) => {
    expect(() => asked(cell, perturbation)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) as string }),
    );
  });
});

test.each([
  ["E. coli", "Escherichia coli"],
  ["E.coli", "Escherichia coli"],
  ["S. aureus", "Staphylococcus aureus"],
  ["M. tuberculosis infection", "Mycobacterium tuberculosis"],
  ["E. coli LPS", "Lipopolysaccharide"],
])("an abbreviated genus ends no sentence: %s", (name, known) => {
  expect(ask(`How do macrophages respond to ${name}?`).perturbation.name).toBe(known);
});

describe("abbreviations of cells", () => {
  test.each(["PASMCs", "HASMCs", "BMDXs", "BMDX cells"])(
    "are repaired to no others: %s",
    (name) => {
      expect(refusal(`How do ${name} respond to TNF?`).code).toBe("CELL_TYPE_UNKNOWN");
    },
  );

  test.each([
    ["BMDCs", "dendritic cell"],
    ["ES cells", "embryonic stem cell"],
    ["alveolar type 2 cells", "pulmonary alveolar type 2 cell"],
    ["alveolar epithelial type I cells", "pulmonary alveolar type 1 cell"],
    ["DCs", "dendritic cell"],
  ])("%s are %s", (written, name) => {
    expect(ask(`How do ${written} respond to TNF?`).cell_type.name).toBe(name);
  });

  test("FBS is no fibroblasts", () => {
    expect(refusal("How do dishes with FBS respond to TNF?").code).toBe("CELL_TYPE_UNKNOWN");
  });

  test("a text all in capitals is repaired as others are", () => {
    expect(ask("HOW DO MONOCTYES RESPOND TO TNF").cell_type.name).toBe("monocyte");
  });
});
