import { describe, expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import type { AtlasIndex, GeneticReading } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { howItWasRead } from "../../science/report/rests-on.ts";
import { atlasIndex, bloodAtlas } from "./query-atlas.ts";

/**
 * What narrows a name and is in no atlas is said as what was read is broader, and refused where it makes
 * other cells or another treatment.
 */

const knowledge = loadKnowledge();
const blood = bloodAtlas();
const glioblastoma = atlasIndex({
  cellTypes: ["glioblastoma cell"],
  perturbations: ["panobinostat"],
});
const lines = atlasIndex({
  cellTypes: ["Daudi", "Jurkat", "THP-1", "MCF7", "A549", "HepG2", "B cell"],
  perturbations: ["IFN-beta"],
});

function screen(effect: GeneticReading["effect"], perturbations: readonly string[]): AtlasIndex {
  const atlas = atlasIndex({ cellTypes: ["leukaemia line"], perturbations });
  return {
    ...atlas,
    further_names: [{ column: "cell_line", name: "K562", cell_types: ["leukaemia line"] }],
    groups: atlas.groups.map((group) =>
      group.is_control
        ? group
        : { ...group, genetic: { genes: group.perturbation.split("+"), effect } },
    ),
  };
}
const gains = screen("gain", ["TGFBR2", "KLF1", "KLF1+TGFBR2"]);
const losses = screen("loss", ["IFNGR1", "STAT1", "TNFRSF14"]);

const ask = (question: string, atlas: AtlasIndex = blood) =>
  understandQuestion(question, [atlas], knowledge);

function refusal(question: string, atlas: AtlasIndex = blood): HaystackError {
  try {
    ask(question, atlas);
  } catch (error) {
    if (error instanceof HaystackError) return error;
    throw error;
  }
  throw new Error(`Answered: ${question}`);
}

const saidOf = (field: string, question: string, atlas: AtlasIndex = blood): string[] =>
  ask(question, atlas)
    .ambiguities.filter((each) => each.field === field)
    .map(({ text }) => text);

const given = (cells: string): string => `How would ${cells} respond to IFN-beta?`;

describe("what is said of cells behind their name", () => {
  test.each([
    "CD8 T cells that are PD-1 positive",
    "CD8 T cells (PD-1+ TIM-3+)",
    "CD8 T cells gated on PD-1",
    "CD4 T cells expressing CCR7",
    "NK cells positive for CD57",
    "B cells, CD27 negative",
    "NK cells with high CD16",
    "B cells bearing surface IgG",
    "NK cells that are CD56 bright",
    "NK cells that were frozen and thawed",
    "B cells in germinal centres",
  ])("is said where it was not read: %s", (cells) => {
    expect(saidOf("cell_type", given(cells))).toEqual([cells.replace("TIM-3+)", "TIM-3")]);
  });

  test.each(["that have stopped dividing", "in quiescence", "with low CD44", "grown as spheroids"])(
    "is said of the labels of an atlas alone: %s",
    (words) => {
      const question = `Effect of panobinostat on glioblastoma cells ${words}`;
      expect(saidOf("cell_type", question, glioblastoma)).toEqual([`glioblastoma cells ${words}`]);
    },
  );

  test.each([
    "B cells isolated from peripheral blood",
    "CD14+ monocytes that were treated with IFN-beta",
    "B cells of donor 101",
    "NK cells from healthy donors",
    "human B cells most likely",
  ])("is nothing where all was read: %s", (cells) => {
    expect(saidOf("cell_type", given(cells))).toEqual([]);
  });

  test("is what they do in a question for it", () => {
    expect(saidOf("cell_type", "Does IFN-beta kill B cells?")).toEqual([]);
  });
});

test.each(["stem-like glioblastoma cells", "mesenchymal-like glioblastoma cells"])(
  "a compound in front of cells is said: %s",
  (cells) => {
    const question = `How would ${cells} respond to panobinostat?`;
    expect(saidOf("cell_type", question, glioblastoma)).toEqual([cells]);
  },
);

describe("markers that tell labels of one kind of cell apart", () => {
  test.each(["CD4+CD8+ T cells", "CD8+ CD4 T cells", "FCGR3A+ CD14+ monocytes"])(
    "and are those of another label are refused: %s",
    (cells) => {
      expect(refusal(given(cells)).details).toMatchObject({ asks: "cells" });
    },
  );

  test.each(["CD8 T cells that are CD8 negative", "CD14+ monocytes that are FCGR3A positive"])(
    "are read behind the cells too: %s",
    (cells) => expect(refusal(given(cells)).code).toBe("CELL_TYPE_NOT_IN_ATLAS"),
  );

  test.each(["classical monocytes", "CD14+CD16- monocytes", "CD14++CD16- monocytes"])(
    "name the subset that they leave, and it is said to be broader: %s",
    (cells) => {
      const query = ask(given(cells));
      expect(query.cell_type.atlas_labels).toEqual(["CD14+ Monocytes"]);
      expect(howItWasRead(query)[0]?.text).toBe(
        `“${cells}” (cell type) was read as CD14-positive monocyte, broader than what was asked.`,
      );
    },
  );

  test.each(["intermediate monocytes", "CD14+ CD16+ monocytes", "naive CD4 T cells"])(
    "do not where no label is left: %s",
    (cells) => expect(refusal(given(cells)).code).toBe("CELL_TYPE_NOT_IN_ATLAS"),
  );
});

test("a state that no label has is refused where all labels have others", () => {
  const states = atlasIndex({
    cellTypes: ["exhausted CD8 T cells", "naive B cells"],
    perturbations: ["IFN-beta"],
  });
  expect(refusal(given("activated CD8 T cells"), states).details).toMatchObject({ asks: "cells" });
  expect(ask(given("resting B cells"), states).cell_type.atlas_labels).toEqual(["naive B cells"]);
});

describe("a treatment that lost its effect, or is another", () => {
  test.each([
    "IFN-beta that has lost its activity",
    "IFN-beta that no longer works",
    "IFN-beta without biological activity",
    "IFN-beta whose activity is gone",
    "IFN-beta with its activity abolished",
    "IFN-beta if it had been boiled first",
    "PBS in place of IFN-beta",
    "IFN-beta which is unable to signal",
    "an IFN-beta that cannot bind its receptor",
    "IFN-beta rendered inactive by heat",
    "a non-functional IFN-beta",
    "ineffective doses of IFN-beta",
    "IFN-beta mixed with a neutralizing antibody",
    "IFN-beta bound to a decoy receptor",
    "medium from which IFN-beta was removed",
    "IFN-beta, heat-killed",
    "IFN-beta vehicle",
    "IFN-beta fragments",
    "an IFN-beta-like molecule",
    "0 ng/ml IFN-beta",
    "IFN-beta washout",
    "removal of IFN-beta",
  ])("is refused: %s", (words) => {
    expect(refusal(`How would B cells respond to ${words}?`).code).toMatch(
      /PERTURBATION_UNKNOWN|QUESTION_NOT_UNDERSTOOD/,
    );
  });

  test.each([
    "protease-treated IFN-beta",
    "nanoparticle-bound IFN-beta",
    "IFN-beta peptide",
    "IFN-beta that has gone off",
    "IFN-beta left at room temperature for a month",
  ])("is said where it is not known what it does: %s", (words) => {
    const query = ask(`How would B cells respond to ${words}?`);
    expect(saidOf("perturbation", `How would B cells respond to ${words}?`)).toHaveLength(1);
    expect(howItWasRead(query)[0]?.text).toMatch(/was read as Interferon beta, broader than/);
  });

  test.each([
    "IFN-beta",
    "the cytokine IFN-beta",
    "recombinant human IFN-beta",
    "low-dose IFN-beta",
    "0.2 ng/ml IFN-beta",
    "IFN-beta of full activity",
    "IFN-beta treatment",
    "IFN-beta in culture",
  ])("is the one that acts: %s", (words) => {
    const question = `How would B cells respond to ${words}?`;
    expect(ask(question).perturbation.atlas_labels).toEqual(["IFN-beta"]);
    expect(saidOf("perturbation", question)).toEqual([]);
  });
});

describe("what something does to the response to what is given", () => {
  test.each([
    "Is STAT1 required for the response of monocytes to IFN-beta?",
    "Is IRF9 needed for B cells to respond to IFN-beta?",
    "Is the IFN-beta response of B cells STAT1-dependent?",
    "Does the IFN-beta response of monocytes depend on IRF9?",
    "Is TYK2 involved in the response of B cells to IFN-beta?",
    "Does USP18 limit the response of B cells to IFN-beta?",
    "Could deleting IRF9 prevent the IFN-beta response of monocytes?",
    "What happens to the IFN-beta response of B cells after IRF9 is lost?",
    "Can the IFN-beta response of B cells be blocked by ruxolitinib?",
    "Without IFNAR1, how would B cells respond to IFN-beta?",
    "How would B cells respond to IFN-beta when STAT1 is inhibited?",
    "Does blocking JAK1 prevent the effect of IFN-beta on B cells?",
    "Do JAK inhibitors abolish the response of monocytes to IFN-beta?",
    "Does baricitinib reduce the IFN-beta response in B cells?",
    "Does TNF limit the response of B cells to IFN-beta?",
  ])("is no question for one of them: %s", (question) => {
    expect(refusal(question).details?.["asks"]).toMatch(/need|background|combination/);
  });

  test.each([
    "Does IFN-beta induce an interferon response in B cells?",
    "Which changes does IFN-beta cause in dose-dependent manner in B cells?",
    "How would B cells respond to IFN-beta, a type I interferon?",
    "Does IFN-beta change the response genes of B cells?",
  ])("is not asked: %s", (question) => {
    expect(ask(question).perturbation.atlas_labels).toEqual(["IFN-beta"]);
  });
});

describe("activation of a gene in a screen of genes", () => {
  test.each([
    ["TGFBR2 activation", "TGFBR2"],
    ["activation of TGFBR2", "TGFBR2"],
    ["activating TGFBR2", "TGFBR2"],
    ["KLF1 and TGFBR2 activation", "KLF1+TGFBR2"],
  ])("is that of the gene, and not of its receptor by a ligand: %s", (words, label) => {
    const { perturbation } = ask(`How would K562 cells respond to ${words}?`, gains);
    expect(perturbation.atlas_labels).toEqual([label]);
  });

  test("is no loss, and no ligand either", () => {
    const { perturbation } = ask("How would K562 cells respond to IFNGR1 activation?", losses);
    expect(perturbation).toMatchObject({ name: "IFNGR1 overexpression", atlas_labels: [] });
  });

  test("is by a ligand where cells are given such", () => {
    expect(ask("How would monocytes respond to TLR4 activation?").perturbation.id).toBe("lps");
  });

  test.each(["TNFRSF14 stimulation", "STAT1 stimulation"])("is not %s", (words) => {
    expect(refusal(`How would K562 cells respond to ${words}?`, losses).details).toMatchObject({
      asks: "gene",
    });
  });
});

describe("the name of a line beside the kind of its cells", () => {
  test.each([
    ["lung cancer cells A549", "A549"],
    ["liver cancer cells (HepG2)", "HepG2"],
    ["T cell line Jurkat", "Jurkat"],
    ["B cells of the line Daudi", "Daudi"],
    ["MCF-7 breast cancer cells", "MCF7"],
    ["Daudi B cells", "Daudi"],
  ])("is what is asked about: %s", (cells, label) => {
    const query = ask(given(cells), lines);
    expect(query.cell_type.atlas_labels).toEqual([label]);
    expect(query.ambiguities).toEqual([]);
  });

  test.each(["A549 and B cells", "Daudi and Raji cells"])("is another one in %s", (cells) => {
    expect(ask(given(cells), lines).ambiguities).toContainEqual(
      expect.objectContaining({ field: "cell_type", alternatives: [expect.any(String)] }),
    );
  });

  test("of another kind is said: THP-1 macrophages", () => {
    expect(saidOf("cell_type", given("THP-1 macrophages"), lines)).toEqual(["THP-1 macrophages"]);
  });
});
