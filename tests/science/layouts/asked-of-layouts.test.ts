import { describe, expect, it } from "vitest";
import type { AtlasIndex, CellGroup } from "../../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { atAskedAmounts, withAmounts } from "../../../science/prompting/asked-amounts.ts";
import { buildCandidate } from "../../../science/prompting/build-candidate.ts";
import { semantic } from "../../../science/prompting/strategies/semantic.ts";
import { nearestAmount } from "../../../science/query/nearest-amount.ts";
import { understandQuestion } from "../../../science/query/understand.ts";
import { atlasIndex } from "../query-atlas.ts";

const knowledge = loadKnowledge();

function changed(index: AtlasIndex, change: (group: CellGroup) => Partial<CellGroup>): AtlasIndex {
  return { ...index, groups: index.groups.map((group) => ({ ...group, ...change(group) })) };
}

const screen = changed(
  atlasIndex({
    cellTypes: ["CD14+ Monocytes"],
    perturbations: ["IFNB1", "STAT1", "TNF", "IFNB1+STAT1"],
  }),
  ({ perturbation, is_control }) =>
    is_control ? {} : { genetic: { genes: perturbation.split("+"), effect: "loss" } },
);

describe("a label that names a perturbed gene", () => {
  it.each([
    ["How would CD14+ monocytes respond to IFN-beta?", "ifn-beta", []],
    ["How would CD14+ monocytes respond to TNF?", "tnf", []],
    ["How would CD14+ monocytes respond to IFNB1 knockout?", null, ["IFNB1"]],
    ["How would CD14+ monocytes respond to STAT1 knockdown?", "stat1-knockout", ["STAT1"]],
    ["How would CD14+ monocytes respond to STAT1 overexpression?", null, []],
  ])("%s", (question, id, labels) => {
    const { perturbation } = understandQuestion(question, [screen], knowledge);
    expect([perturbation.id, perturbation.atlas_labels]).toEqual([id, labels]);
  });
});

it("a perturbed gene does not stand in for the substance of its name", () => {
  const query = understandQuestion(
    "How would CD14+ monocytes respond to IFN-beta?",
    [screen],
    knowledge,
  );
  const proposedFrom = (index: AtlasIndex) =>
    semantic.propose({
      query,
      knowledge,
      embedded: null,
      perturbed: index.groups
        .filter(({ is_control }) => !is_control)
        .map((group) => ({
          atlas: { dir: "", index, profile: () => new Float32Array(2) },
          group,
          control: null,
        })),
    });
  const unsaid = { ...screen, groups: screen.groups.map(({ genetic: _, ...group }) => group) };
  expect(proposedFrom(unsaid).map(({ group }) => group.perturbation)).toContain("IFNB1");
  expect(proposedFrom(screen)).toEqual([]);
});

describe("cell types by ontology id", () => {
  it("are found by their names, known to us or not", () => {
    const ids = changed(
      atlasIndex({ cellTypes: ["CL:0001054"], perturbations: ["IFN-beta"] }),
      () => ({ cell_ontology_id: "CL:0001054" }),
    );
    const question = "How would CD14-positive monocytes respond to IFN-beta?";
    expect(understandQuestion(question, [ids], knowledge).cell_type.atlas_labels).toEqual([
      "CL:0001054",
    ]);
    const { cellOntologyId } = labelResolver(knowledge);
    expect(["CL:0001054", "CL_0000236", "CL:9999999", "CL:12"].map(cellOntologyId)).toEqual([
      "CL:0001054",
      "CL:0000236",
      "CL:9999999",
      null,
    ]);
  });
});

describe("doses and times", () => {
  const base = atlasIndex({ cellTypes: ["A549"], perturbations: ["Dexamethasone"] });
  const doses = ["10 nM", "100 nM", "1000 nM", "10000 nM"];
  const dosed: AtlasIndex = {
    ...base,
    groups: base.groups.flatMap((group) =>
      group.is_control
        ? [group]
        : doses.map((dose) => ({
            ...group,
            group_id: `${group.group_id}/${dose}`,
            covariates: { dose, time: "24 h" },
          })),
    ),
  };
  const located = dosed.groups
    .filter(({ is_control }) => !is_control)
    .map((group) => ({
      atlas: { dir: "", index: dosed, profile: () => new Float32Array(2) },
      group,
      control: null,
    }));
  const understood = (question: string) => understandQuestion(question, [dosed], knowledge);

  it("the nearest dose answers, and the query says which", () => {
    const query = understood("How would A549 cells respond to 8 µM dexamethasone?");
    expect(query.dose).toBe("8 µM");
    expect(query.ambiguities).toContainEqual({
      field: "dose",
      text: "8 µM",
      chosen: "10000 nM",
      alternatives: ["10 nM", "100 nM", "1000 nM"],
    });
    expect(atAskedAmounts(query, located).map(({ group }) => group.covariates?.dose)).toEqual([
      "10000 nM",
    ]);
  });

  it("without a dose all are pooled, and both say so", () => {
    const query = understood("How would A549 cells respond to dexamethasone?");
    expect(query.ambiguities).toContainEqual(
      expect.objectContaining({ field: "dose", chosen: `all pooled (${doses.join(", ")})` }),
    );
    const kept = atAskedAmounts(query, located);
    expect(kept).toHaveLength(4);
    const [first] = withAmounts(kept.map((each) => ({ ...each, match: 1, because: "they are" })));
    expect(first?.because).toBe(
      "they are (doses pooled: 10 nM, 100 nM, 1000 nM, 10000 nM; time 24 h)",
    );
  });

  it.each([
    ["10 µM", ["10", "100"], /^all pooled \(10, 100; their unit is not known, .*with 10 µM\)$/],
    ["10 µM", ["10"], /^all pooled \(10; their unit is not known/],
    ["10 µM", ["5 ng/ml", "50 ng/ml"], /^all pooled \(.*; none can be compared with 10 µM\)$/],
    [null, ["10", "100"], /^all pooled \(10, 100; their unit is not known\)$/],
  ])("%s asked of doses %j: what is pooled, and why, is said", (asked, own, said) => {
    const [some] = dosed.groups.filter(({ is_control }) => !is_control);
    const controls = dosed.groups.filter(({ is_control }) => is_control);
    const groups = own.map((dose) => ({ ...some!, group_id: dose, covariates: { dose } }));
    const query = understandQuestion(
      `How would A549 cells respond to ${asked ?? ""} dexamethasone?`,
      [{ ...dosed, groups: [...controls, ...groups] }],
      knowledge,
    );
    expect(query.ambiguities.map(({ chosen }) => chosen)).toEqual([expect.stringMatching(said)]);
  });

  it("a data set whose doses have no unit is said to be pooled beside one whose have", () => {
    const bare = {
      ...dosed,
      groups: dosed.groups.map((group) => ({
        ...group,
        dataset: "bare",
        ...(group.is_control ? {} : { covariates: { dose: "10" } }),
      })),
    };
    const query = understandQuestion(
      "How would A549 cells respond to 10 nM dexamethasone?",
      [dosed, bare],
      knowledge,
    );
    expect(query.ambiguities.map(({ chosen }) => chosen)).toEqual([
      "10 nM; elsewhere all pooled (10; their unit is not known, so that no dose can be compared with 10 nM)",
    ]);
  });

  it("what else was done to some of the cells is said of them", () => {
    const other_conditions = { genotype: ["STAT1 KO", "WT"], plate: ["1"] };
    const [first] = withAmounts(
      located.slice(0, 1).map((each) => ({
        ...each,
        group: { ...each.group, other_conditions },
        match: 1,
        because: "they are",
      })),
    );
    expect(first?.because).toBe("they are (dose 10 nM; time 24 h; genotype pooled: STAT1 KO, WT)");
  });

  it("a prompt of cells to which something else was done as well says what is pooled", () => {
    const query = understood("How would A549 cells respond to dexamethasone?");
    const settings = {
      query,
      knowledge,
      controlStrategy: "query_as_control",
      promptCells: 100,
      likeness: { toQuery: () => null, between: () => null },
    } as const;
    const candidateOf = (genotypes: readonly string[]) =>
      buildCandidate(
        "direct",
        genotypes.map((genotype, at) => ({
          ...located[at]!,
          group: { ...located[at]!.group, other_conditions: { genotype: [genotype] } },
          match: 1,
          because: "they are",
          similarity: null,
        })),
        settings,
      );
    expect(candidateOf(["WT", "STAT1 KO"]).pooled).toEqual(["genotype (STAT1 KO, WT)"]);
    expect(candidateOf(["WT", "WT"])).not.toHaveProperty("pooled");
  });

  it.each([
    ["10 µM", ["10 nM", "10000 nM"], "10000 nM"],
    ["3 h", ["1 h", "1 d", "240 min"], "240 min"],
    ["5 ng/ml", ["10 ng/ml", "1 µg/ml"], "10 ng/ml"],
    ["5 ng/ml", ["10 nM"], null],
    ["10 µM", ["10", "20"], null],
    ["overnight", ["6 h"], null],
  ])("%s of %j is %s", (asked, given, nearest) => {
    expect(nearestAmount(asked, given)).toBe(nearest);
  });
});
