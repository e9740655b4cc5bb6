import { describe, expect, test } from "vitest";
import type { AtlasIndex, GeneticReading } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { semantic } from "../../science/prompting/strategies/semantic.ts";
import { perturbedGroups } from "../../science/prompting/retrieval.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, refusalOf } from "./query-atlas.ts";

/** A word beside a name makes it something else; the name alone is never answered for it. */

const knowledge = loadKnowledge();

/** Labels that name genes: SGK1 has no entry in the knowledge, STAT1 has. */
function geneticAtlas(effect: GeneticReading["effect"]): AtlasIndex {
  const atlas = atlasIndex({
    cellTypes: ["K562"],
    perturbations: ["SGK1", "STAT1", "SGK1+STAT1"],
    genes: ["SGK1", "STAT1", "ACTB"],
  });
  const groups = atlas.groups.map((group) =>
    group.is_control
      ? group
      : { ...group, genetic: { genes: group.perturbation.split("+"), effect } },
  );
  return { ...atlas, groups };
}
const substances = atlasIndex({
  cellTypes: ["B cells", "NK cells", "monocytes"],
  perturbations: ["IFN-beta", "IL-6", "dexamethasone"],
  genes: ["STAT1", "ACTB"],
});

const ask = (question: string, atlas: AtlasIndex) =>
  understandQuestion(question, [atlas], knowledge);

const refusal = (question: string, atlas: AtlasIndex) => refusalOf(() => ask(question, atlas));

describe.each(["gain", "loss"] as const)("a gene that the atlas labels (%s)", (effect) => {
  test.each([
    "an inhibitor of SGK1",
    "SGK1 inhibition",
    "a SGK1 degrader",
    "mutant SGK1",
    "kinase-dead SGK1",
    "SGK1 K127M",
    "recombinant SGK1",
    "an SGK1-Fc fusion",
    "STAT1 rescue",
    "wild-type STAT1",
    "phospho-STAT1",
    "re-expression of STAT1",
  ])("is not answered for %s", (words) => {
    const { code, details } = refusal(
      `How would K562 cells respond to ${words}?`,
      geneticAtlas(effect),
    );
    expect(code).toBe("PERTURBATION_UNKNOWN");
    expect(details).toMatchObject({ asks: "gene" });
  });

  test.each([
    "How would K562 cells respond to SGK1?",
    "How would K562 cells respond to SGK1 perturbation?",
    "How would K562 cells respond to SGK1 + ctrl?",
    "How would K562 cells respond to guides targeting SGK1?",
    "Effect of the gene SGK1 on K562 cells",
    "K562 SGK1",
  ])("is answered by itself: %s", (question) => {
    expect(ask(question, geneticAtlas(effect)).perturbation.atlas_labels).toEqual(["SGK1"]);
  });
});

test.each([
  "SGK1 CRISPR activation",
  "CRISPR activation of SGK1",
  "CRISPR-activation of the gene SGK1",
])("%s is a gain, wherever the gene stands", (words) => {
  const { perturbation } = ask(`How would K562 cells respond to ${words}?`, geneticAtlas("loss"));
  expect(perturbation).toMatchObject({ name: "SGK1 overexpression", atlas_labels: [] });
});

test.each([
  "IL-6 receptor knockout",
  "interferon beta receptor 1 deletion",
  "an IFN-beta mutant",
  "IFN-beta promoter methylation",
])("a cytokine is not answered for %s", (words) => {
  expect(refusal(`How would B cells respond to ${words}?`, substances).code).toBe(
    "PERTURBATION_UNKNOWN",
  );
});

test.each(["B cell precursors", "NK cell exosomes", "non-B cells"])(
  "cells are not answered for %s",
  (cells) => {
    expect(refusal(`How would ${cells} respond to IFN-beta?`, substances).code).toBe(
      "CELL_TYPE_UNKNOWN",
    );
  },
);

test.each([
  "How would NK cells not treated with IFN-beta look?",
  "How would non-IFN-beta treated B cells behave?",
])("what is not given is not asked about: %s", (question) => {
  expect(refusal(question, substances).code).toBe("QUESTION_NOT_UNDERSTOOD");
});

describe("of several things given at once none is left out in silence", () => {
  test.each([
    "dexamethasone and RU99486",
    "IFN-beta in combination with ABX-999",
    "IFN-beta (10 ng/ml) and the compound 42X",
    "ABX-1234 and IFN-beta",
    "IFN-beta + ABX999",
    "IFN-beta while blocking STAT1",
    "IFN-beta plus an IRF9 inhibitor",
    "IFN-beta in the presence of dexamethasone",
    "IFN-beta on top of IL-6",
    "IFN-beta followed by IL-6",
  ])("%s", (given) => {
    const { code, details } = refusal(`How would B cells respond to ${given}?`, substances);
    expect(code).toBe("PERTURBATION_UNKNOWN");
    expect(details).toMatchObject({ asks: "combination" });
  });

  test.each([
    "IFN-beta and which genes change",
    "IFN-beta and what happens to HLA-DR",
    "IFN-beta with PBS",
    "IFN-beta in vitro",
    "IFN-beta in COVID-19",
  ])("but other words are none of it: %s", (given) => {
    const { perturbation } = ask(`How would B cells respond to ${given}?`, substances);
    expect(perturbation.atlas_labels).toEqual(["IFN-beta"]);
  });

  test("nor is the class of what is named", () => {
    const question = "How would B cells respond to centrinone, a PLK4 inhibitor?";
    expect(ask(question, substances).perturbation.name).toBe("Centrinone");
  });
});

describe("the letters of a gene's name", () => {
  const shown = (question: string, index: AtlasIndex): string[] => {
    const perturbed = perturbedGroups([{ index, profile: () => new Float32Array(0) } as never]);
    const query = ask(question, index);
    return semantic
      .propose({ query, knowledge, perturbed, embedded: null })
      .map(({ group }) => group.perturbation);
  };

  test("do not make its gain a stand-in for its loss, nor the other way round", () => {
    const lost = "How would K562 cells respond to SGK1 knockout?";
    const gained = "How would K562 cells respond to SGK1 overexpression?";
    expect(shown(lost, geneticAtlas("gain"))).toEqual([]);
    expect(shown(gained, geneticAtlas("loss"))).toEqual([]);
    expect(shown(lost, geneticAtlas("loss"))).toEqual(["SGK1+STAT1"]);
  });

  test("do not make a cytokine a stand-in for the loss of its gene", () => {
    const given = atlasIndex({ cellTypes: ["monocytes"], perturbations: ["IFNB1"] });
    const atlas = {
      ...given,
      groups: given.groups.map((group) => ({
        ...group,
        perturbation_id: group.is_control
          ? null
          : (knowledge.perturbations.find(
              ({ kind, external_ids }) => kind === "cytokine" && external_ids["hgnc"] === "IFNB1",
            )?.id ?? null),
      })),
    };
    expect(atlas.groups.at(-1)?.perturbation_id).not.toBeNull();
    expect(shown("How would monocytes respond to IFNB1 knockout?", atlas)).toEqual([]);
  });
});
