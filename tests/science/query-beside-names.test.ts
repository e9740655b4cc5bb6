import { describe, expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, bloodAtlas, refusalOf } from "./query-atlas.ts";

/**
 * Words beside names that make other cells or another treatment of them ask back, and words that do
 * not leave the question as plain as it is. The labels are those of public data sets.
 */

const knowledge = loadKnowledge();
const blood = bloodAtlas();
const line = (cell_type: string, name: string, perturbations: string[]): AtlasIndex => ({
  ...atlasIndex({ cellTypes: [cell_type], perturbations }),
  further_names: [{ column: "cell_line", name, cell_types: [cell_type] }],
});
const lost = line("THP-1 monocytic leukaemia (stimulated)", "THP-1", ["STAT1", "IRF1", "JAK2"]);
const knockouts: AtlasIndex = {
  ...lost,
  groups: lost.groups.map((group) =>
    group.is_control
      ? group
      : { ...group, genetic: { genes: [group.perturbation], effect: "loss" } },
  ),
};
const a549 = line("lung adenocarcinoma line", "A549", ["dexamethasone"]);
const glioblastoma = atlasIndex({
  cellTypes: ["glioblastoma cell"],
  perturbations: ["panobinostat"],
});

const ask = (question: string, atlas: AtlasIndex) =>
  understandQuestion(question, [atlas], knowledge);

const refusal = (question: string, atlas: AtlasIndex) => refusalOf(() => ask(question, atlas));

const given = (cells: string): string => `How would ${cells} respond to IFN-beta?`;

const labelsOf = (cells: string): readonly string[] =>
  ask(given(cells), blood).cell_type.atlas_labels;

describe("the sign of a marker", () => {
  test.each([
    "CD14- monocytes",
    "CD14− monocytes",
    "CD14(-) monocytes",
    "CD14-negative monocytes",
    "CD14neg monocytes",
    "CD14low monocytes",
    "CD14 low monocytes",
    "CD14dim monocytes",
    "FCGR3A- monocytes",
    "FCGR3A-negative monocytes",
    "CD4- T cells",
    "CD8-negative T cells",
    "CD8 low T cells",
    "CD19- B cells",
    "CD56- NK cells",
    "CD11c- dendritic cells",
    "CD3- T cells",
  ])("against the label is that of other cells: %s", (cells) => {
    const { code, details } = refusal(given(cells), blood);
    expect(code).toBe("CELL_TYPE_NOT_IN_ATLAS");
    expect(details).toMatchObject({ asks: "cells" });
  });

  test.each([
    ["CD14+ monocytes", "CD14+ Monocytes"],
    ["CD14-positive monocytes", "CD14+ Monocytes"],
    ["FCGR3A+ monocytes", "FCGR3A+ Monocytes"],
    ["CD14dim CD16+ monocytes", "FCGR3A+ Monocytes"],
    ["CD4-T cells", "CD4 T cells"],
    ["CD4+ CD8- T cells", "CD4 T cells"],
    ["CD3-CD56+ NK cells", "NK cells"],
    ["CD11c+ dendritic cells", "Dendritic cells"],
    ["CD27- B cells", "B cells"],
  ])("that agrees, or tells subsets apart, does not: %s", (cells, label) => {
    expect(labelsOf(cells)).toEqual([label]);
  });

  test("of a gene is that of its protein: CD16 is FCGR3A", () => {
    expect(refusal(given("CD16+ monocytes"), blood).message).toContain(
      "ask about FCGR3A+ Monocytes, the nearest",
    );
  });
});

describe("a genetic background", () => {
  test.each([
    "monocytes with a STAT1 mutation",
    "STAT1-mutant monocytes",
    "STAT1-null NK cells",
    "STAT1-negative B cells",
    "JAK2 V617F monocytes",
    "B cells with a MYD88 L265P mutation",
    "B cells with STAT1 gain of function",
    "B cells heterozygous for STAT1",
    "STAT1 haploinsufficient B cells",
    "monocytes expressing a dominant-negative STAT1",
    "CD4 T cells with a knock-in of STAT3",
    "monocytes deficient in STAT1",
    "dendritic cells without CD1c",
    "NK cells that do not express IFNAR1",
    "NK cells not expressing CD16",
    "B cells without the interferon receptor",
  ])("is not left out: %s", (cells) => {
    const { code, details } = refusal(given(cells), blood);
    expect(code).toBe("CELL_TYPE_NOT_IN_ATLAS");
    expect(details).toMatchObject({ asks: "background" });
  });

  test("of a gene is not left out beside the knockout of another", () => {
    const question = "How would IRF1-deficient THP-1 cells respond to STAT1 knockout?";
    expect(refusal(question, knockouts).details).toMatchObject({ asks: "background" });
  });

  test.each([
    "wild-type CD14+ monocytes",
    "monocytes without LPS",
    "monocytes without any other stimulus",
    "CD4 T cells expressing CCR7",
  ])("is none: %s", (cells) => {
    expect(labelsOf(cells)).not.toEqual([]);
  });

  test.each(["STAT1-deficient THP-1 cells", "THP-1 cells lacking STAT1", "IRF1-/- THP-1"])(
    "that the atlas holds is the perturbation: %s",
    (question) => {
      expect(ask(question, knockouts).perturbation.atlas_labels).toHaveLength(1);
    },
  );
});

describe("a treatment that does not act", () => {
  test.each([
    "heat-inactivated IFN-beta",
    "boiled IFN-beta",
    "denatured recombinant IFN-beta",
    "a scrambled IFN-beta",
    "neutralised interferon-β",
    "biologically inactive IFN-beta",
    "an inactive analogue of IFN-beta",
    "proteinase K-digested IFN-beta",
    "IFN-beta that was boiled",
    "IFN-beta (heat-inactivated)",
    "IFN-beta, denatured by heat",
    "IFN-beta after boiling",
  ])("is not the one that does: %s", (words) => {
    const { code, details } = refusal(`How would B cells respond to ${words}?`, blood);
    expect(code).toBe("PERTURBATION_UNKNOWN");
    expect(details).toMatchObject({ asks: "inactive" });
  });

  test.each([
    "recombinant IFN-beta",
    "pegylated IFN-beta",
    "biologically active IFN-beta",
    "low-dose IFN-beta",
    "IFN-beta in medium with heat-inactivated serum",
  ])("is none: %s", (words) => {
    const { perturbation } = ask(`How would B cells respond to ${words}?`, blood);
    expect(perturbation.atlas_labels).toEqual(["IFN-beta"]);
  });
});

describe("all but what is named", () => {
  test.each([
    "everything but",
    "all genes except",
    "any gene other than",
    "all genes apart from",
    "every gene besides",
    "everything save",
  ])("is not it: %s", (words) => {
    for (const question of [
      `Knocking out ${words} STAT1 in THP-1 cells`,
      `How would THP-1 cells respond to knockout of ${words} STAT1?`,
    ])
      expect(refusal(question, knockouts)).toBeInstanceOf(HaystackError);
  });

  test.each(["all cells but B cells", "cells other than B cells", "everything but NK cells"])(
    "is not it: %s",
    (cells) => expect(refusal(given(cells), blood)).toBeInstanceOf(HaystackError),
  );

  test.each([
    "How would B cells respond to nothing but IFN-beta?",
    "How would B cells respond to IFN-beta, but not TNF?",
    "Other than ISG15, which genes does IFN-beta induce in B cells?",
    "How would all B cells respond to IFN-beta?",
  ])("is not asked about: %s", (question) => {
    expect(ask(question, blood).perturbation.atlas_labels).toEqual(["IFN-beta"]);
  });
});

describe("what cells are given or are in beside what is asked", () => {
  const conditions = [
    "under hypoxia",
    "at 1% oxygen",
    "after dexamethasone",
    "pre-treated with dexamethasone",
    "primed with LPS",
    "in the presence of LPS",
    "cultured in IL-4",
    "infected with influenza",
    "after irradiation",
    "under oxidative stress",
    "in high glucose",
  ];
  test.each(conditions)("is not left out: %s", (words) => {
    for (const question of [given(`monocytes ${words}`), `IFN-beta on monocytes ${words}`])
      expect(refusal(question, blood).details).toMatchObject({ asks: "combination" });
  });

  test.each([
    "LPS-primed monocytes given IFN-beta",
    "Monocytes under hypoxia: IFN-beta response",
    "IFN-beta after 24 h of dexamethasone in B cells",
    "IFN-beta is given to monocytes together with ruxolitinib",
    "How do inflamed monocytes (LPS, 24 h) respond to IFN-beta?",
    "First LPS, then IFN-beta on monocytes",
    "Dexamethasone pretreatment of monocytes, then IFN-beta",
    "B cells pre-incubated with IL-10 and then given IFN-beta",
  ])("is not left out: %s", (question) => {
    expect(refusal(question, blood).details).toMatchObject({ asks: "combination" });
  });

  test.each([
    "How would B cells look after IFN-beta?",
    "How would B cells respond under IFN-beta?",
    "How would B cells primed with IFN-beta look?",
    "IFN-beta-treated B cells",
    "How would untreated B cells respond to IFN-beta?",
    "How would B cells in the absence of LPS respond to IFN-beta?",
    "How would monocytes respond to IFN-beta, and how does TNF change?",
    "How would TNF levels change in monocytes treated with IFN-beta?",
    "Do monocytes secrete TNF after IFN-beta?",
    "How would monocytes respond to IFN-beta or LPS?",
    "How would B cells respond to IFN-beta 6 h after plating?",
  ])("is nothing more: %s", (question) => {
    expect(ask(question, blood).perturbation.atlas_labels).toEqual(["IFN-beta"]);
  });

  test("is what is asked where it stands alone", () => {
    const { perturbation } = ask("Monocytes after ultraviolet irradiation", blood);
    expect(perturbation.kind).toBe("environment");
  });
});

describe("a disease or line that cells have turned into", () => {
  test.each([
    "B-cell lymphoma cells",
    "B cell acute lymphoblastic leukemia cells",
    "NK-cell leukemia cells",
    "T cell tumour cells",
    "dendritic cell neoplasm cells",
    "leukemic NK cells",
    "EBV-transformed B cells",
    "immortalized B cells",
    "lymphoma B cells",
    "lymphoma-derived B cells",
    "a B-cell line",
  ])("is other cells: %s", (cells) => {
    expect(refusal(given(cells), blood).details).toMatchObject({ asks: "cells" });
  });

  test.each([
    "B cells from lymphoma patients",
    "lupus B cells",
    "NK cells in leukemia",
    "tumor-infiltrating B cells",
    "non-malignant B cells",
  ])("is where they come from: %s", (cells) => {
    expect(labelsOf(cells)).not.toEqual([]);
  });

  test.each([
    ["How would A549 lung cancer cells respond to dexamethasone?", a549],
    ["How would the A549 cell line respond to dexamethasone?", a549],
    ["How would THP-1 leukemia cells respond to STAT1 knockout?", knockouts],
    ["How would glioblastoma cells respond to panobinostat?", glioblastoma],
  ] as const)("is what the atlas holds: %s", (question, atlas) => {
    expect(ask(question, atlas).cell_type.atlas_labels).toHaveLength(1);
  });
});

describe("the state that a label says", () => {
  test.each([
    "unstimulated THP-1 cells",
    "resting THP-1 cells",
    "quiescent THP-1 cells",
    "THP-1 cells that were not stimulated",
    "THP-1 cells without stimulation",
    "THP-1 cells (unstimulated)",
    "THP-1 cells at rest",
    "THP-1 cells before stimulation",
  ])("is contradicted: %s", (cells) => {
    const question = `How would ${cells} respond to STAT1 knockout?`;
    expect(refusal(question, knockouts).details).toMatchObject({ asks: "cells" });
  });

  test.each(["stimulated THP-1 cells", "activated THP-1 cells", "THP-1 (stimulated)", "THP-1"])(
    "is not: %s",
    (cells) => {
      const { cell_type } = ask(`How would ${cells} respond to STAT1 knockout?`, knockouts);
      expect(cell_type.atlas_labels).toHaveLength(1);
    },
  );

  test("is the other way round too", () => {
    const resting = atlasIndex({ cellTypes: ["resting NK cells"], perturbations: ["IFN-beta"] });
    expect(refusal(given("activated NK cells"), resting)).toBeInstanceOf(HaystackError);
  });
});

describe("what a treatment does to a gene", () => {
  test.each([
    "Does IFN-beta induce STAT1 activation in monocytes?",
    "Does IFN-beta induce activation of STAT1 in monocytes?",
    "Will IFN-beta lead to loss of STAT1 in B cells?",
    "Can IFN-beta block CXCL10 expression in CD4 T cells?",
    "Does IFN-beta inhibit IRF7 in dendritic cells?",
    "Does IFN-beta cause STAT1 overexpression in B cells?",
    "Is STAT1 activated by IFN-beta in monocytes?",
    "Is STAT1 activation induced by IFN-beta in monocytes?",
    "Do B cells show STAT1 activation in response to IFN-beta?",
    "STAT1 activation by IFN-beta in B cells",
  ])("is no treatment: %s", (question) => {
    expect(ask(question, blood).perturbation.atlas_labels).toEqual(["IFN-beta"]);
  });

  test.each([
    "Does IFN-beta induce STAT1 activation in STAT2 knockout monocytes?",
    "Does loss of STAT1 prevent the IFN-beta response of monocytes?",
    "Does STAT1 overexpression increase the IFN-beta response of B cells?",
    "Does IFN-beta induce apoptosis in B cells lacking STAT1?",
  ])("is a background where it was done: %s", (question) => {
    expect(refusal(question, blood).details).toMatchObject({ asks: "background" });
  });

  test("is one of its own where a knockout does it", () => {
    const question = "Does STAT1 knockout induce IRF1 activation in THP-1?";
    expect(ask(question, knockouts).perturbation.atlas_labels).toEqual(["STAT1"]);
  });
});

describe("a refusal quotes what it did not find", () => {
  test.each([
    ["How would THP-1 cells respond to OCT2 knockout?", '"OCT2"'],
    ["OCT2 knockout in THP-1 cells", '"OCT2"'],
    ["How would THP-1 cells respond to IκBα knockout?", '"IκBα"'],
    ["Knockout of UBCH8 in THP-1 cells", '"UBCH8"'],
  ])("%s", (question, quoted) => {
    const { code, message } = refusal(question, knockouts);
    expect(code).toBe("PERTURBATION_UNKNOWN");
    expect(message).toContain(`No perturbation is known as ${quoted}`);
    expect(message).not.toContain("did you mean");
  });
});
