import { describe, expect, test } from "vitest";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex } from "./query-atlas.ts";

const knowledge = loadKnowledge();

/** An atlas whose labels name genes that the cells gain, or lose. */
function geneticAtlas(effect: "gain" | "loss"): AtlasIndex {
  const atlas = atlasIndex({
    cellTypes: ["K562", "glioblastoma cell"],
    perturbations: ["KLF1", "KLF1+MAP2K6"],
    genes: ["KLF1", "MAP2K6", "ACTB"],
  });
  return {
    ...atlas,
    groups: atlas.groups.map((group) =>
      group.is_control
        ? group
        : { ...group, genetic: { genes: group.perturbation.split("+"), effect } },
    ),
  };
}

const ask = (question: string, atlas: AtlasIndex) =>
  understandQuestion(question, [atlas], knowledge);

describe("a gene that is activated", () => {
  test.each([
    "How would K562 cells respond to activation of KLF1?",
    "How would K562 cells respond to KLF1 activation?",
    "How would K562 cells respond to CRISPRa of KLF1?",
    "How would K562 cells respond to CRISPR activation of KLF1?",
    "How would K562 cells respond to upregulation of the KLF1 gene?",
    "How would K562 cells respond to KLF1?",
  ])("is gained: %s", (question) => {
    const { perturbation, expected_targets } = ask(question, geneticAtlas("gain"));
    expect(perturbation).toMatchObject({
      name: "KLF1 overexpression",
      kind: "genetic",
      atlas_labels: ["KLF1"],
    });
    expect(expected_targets).toMatchObject([{ gene: "KLF1", direction: "up" }]);
  });

  test("is never taken for one that is lost", () => {
    const question = "How would K562 cells respond to activation of KLF1?";
    expect(ask(question, geneticAtlas("loss")).perturbation).toMatchObject({
      name: "KLF1 overexpression",
      atlas_labels: [],
    });
  });

  test.each([
    ["How would K562 cells respond to inactivation of KLF1?", "loss"],
    ["How would K562 cells respond to knockout of KLF1?", "loss"],
    ["How would K562 cells respond to KLF1?", "loss"],
  ] as const)("%s is a loss where the file says so", (question, effect) => {
    expect(ask(question, geneticAtlas(effect)).perturbation).toMatchObject({
      name: "KLF1 knockout",
      atlas_labels: ["KLF1"],
    });
  });

  test.each([
    ["How would CD4 T cells respond to IL-4 activation?", "Interleukin 4"],
    ["How would CD4 T cells respond to LPS activation?", "Lipopolysaccharide"],
    ["How would activated CD4 T cells respond to IFN-beta?", "Interferon beta"],
    ["How would B cells respond to IFN-beta after activation of CD4 T cells?", "Interferon beta"],
  ])("and not what activates from outside, or cells: %s", (question, name) => {
    const atlas = atlasIndex({
      cellTypes: ["B cells", "CD4 T cells"],
      perturbations: ["IFN-beta"],
    });
    expect(ask(question, atlas).perturbation.name).toBe(name);
  });
});

test.each(["glioblastoma cell", "glioblastoma cells", "Glioblastoma Cells"])(
  "a label that only the atlas knows is found in singular and plural: %s",
  (asked) => {
    const { cell_type } = ask(
      `How would ${asked} respond to KLF1 activation?`,
      geneticAtlas("gain"),
    );
    expect(cell_type.atlas_labels).toEqual(["glioblastoma cell"]);
  },
);
