import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import {
  findPerturbation,
  knowledgeTerms,
  resolveCellTypeLabel,
  resolvePerturbationLabel,
} from "../../science/knowledge/resolve.ts";
import { labelKey, tokenise } from "../../science/knowledge/tokens.ts";
import { SOURCES } from "../../science/knowledge/sources.ts";
import { toolCompounds } from "../../science/knowledge/tool-compounds.ts";
import { VOCABULARIES, vocabulary } from "../../science/knowledge/vocabularies.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex } from "./query-atlas.ts";

const knowledge = loadKnowledge();

const atlas = (perturbations: readonly string[] = [], cellTypes: readonly string[] = []) =>
  atlasIndex({
    cellTypes: ["B cells", "CD14+ Monocytes", ...cellTypes],
    perturbations: ["IFN-beta", ...perturbations],
  });
const ask = (question: string, index = atlas()) => understandQuestion(question, [index]);
const refusal = (question: string, index = atlas()): unknown => {
  try {
    return ask(question, index).perturbation.name;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("drugs that public vocabularies name", () => {
  test.each([
    ["How do B cells respond to ketamine?", "Ketamine", { drugbank: "DB01221" }],
    ["How would B cells treated with 1 uM ixazomib respond?", "Ixazomib", { drugbank: "DB09570" }],
    ["B cells and Ninlaro", "Ixazomib", { drugbank: "DB09570" }],
    ["How would B cells respond to PHA-665752?", "PHA-665752", { chebi: "CHEBI:90197" }],
    ["How would B cells respond to fasudil hydrochloride?", "Fasudil", { drugbank: "DB08162" }],
  ])("%s", (question, name, ids) => {
    const { perturbation, expected_targets, expected_pathways } = ask(question);
    expect(perturbation).toMatchObject({ name, kind: "drug", external_ids: ids });
    expect([expected_targets, expected_pathways]).toEqual([[], []]);
  });

  it("are found in an atlas under any of their names", () => {
    const index = atlas(["Ninlaro"]);
    expect(ask("B cells given ixazomib?", index).perturbation).toMatchObject({
      name: "Ixazomib",
      atlas_labels: ["Ninlaro"],
    });
  });

  it("are the curated entry where the knowledge has one, by whatever name", () => {
    expect(ask("How do B cells respond to Decadron?").perturbation.id).toBe("dexamethasone");
    expect(ask("How do B cells respond to dexametasona?").perturbation.id).toBe("dexamethasone");
  });

  test.each(["How would NK-92 cells respond to TNF?", "How would B cells respond to rest?"])(
    "are none where the words are others: %s",
    (question) => {
      expect(refusal(question, atlas([], ["NK-92"]))).not.toMatch(/therapy|rest/);
    },
  );
});

describe("cell lines of Cellosaurus", () => {
  test.each(["MDCK", "Hs 852.T", "SNU-449", "OVCAR-8"])("%s is itself and no type", (name) => {
    const question = `How would ${name} cells respond to IFN-beta?`;
    expect(refusal(question)).toBe("CELL_TYPE_NOT_IN_ATLAS");
    expect(ask(question, atlas([], [name])).cell_type.atlas_labels).toEqual([name]);
  });
});

it("a cell type of many words is not cut to a broader one", () => {
  const name =
    "type 1 vestibular sensory cell of epithelium of macula of utricle of membranous labyrinth";
  expect(refusal(`How would ${name} respond to IFN-beta?`)).toBe("CELL_TYPE_NOT_IN_ATLAS");
  const index = atlas([], ["type I vestibular sensory cell"]);
  expect(refusal(`How would ${name} respond to IFN-beta?`, index)).toBe("CELL_TYPE_NOT_IN_ATLAS");
});

describe("genes", () => {
  test.each([
    ["SETDB1 knockout in B cells", "SETDB1"],
    ["B cells with a knockout of MAVS", "MAVS"],
    ["sgZNF750 in B cells", "ZNF750"],
    ["CRISPRi of DDX58 in B cells", "RIGI"],
    ["knockdown of p53 in B cells", "TP53"],
  ])("%s", (question, gene) => {
    expect(ask(question).perturbation.external_ids["hgnc"]).toBe(gene);
  });

  it("are none where a word is meant", () => {
    for (const question of [
      "knockout of the rest in B cells",
      "How would B cells act in a tub knockout?",
    ])
      expect(refusal(question)).toMatch(/^[A-Z_]+$/);
    const { geneSymbols } = knowledgeTerms(knowledge);
    const at = (text: string) => geneSymbols.at(tokenise(text), text);
    expect([at("tub"), at("TUB"), at("impact"), at("IMPACT")]).toEqual([
      undefined,
      "TUB",
      undefined,
      "IMPACT",
    ]);
    expect(findPerturbation("SHARPIN", knowledge)).toBeNull();
    expect(findPerturbation("signal", knowledge)).toBeNull();
  });
});

describe("spelling", () => {
  test.each([
    "Prednisone",
    "dopamine",
    "agonist of TLR",
    "MAVS",
    "MDCK",
    "IL-36Ra",
    "interferon alfacon",
    "Norepinephrine",
  ])("%s is not repaired to another", (name) => {
    for (const resolved of [resolvePerturbationLabel(name), resolveCellTypeLabel(name)])
      expect(resolved?.match ?? null).not.toBe("spelling");
  });

  test.each([
    ["Dexametasone", "dexamethasone"],
    ["interferron beta", "ifn-beta"],
    ["ruxolitinb", "ruxolitinib"],
    ["Interluekin-6", "il-6"],
  ])("%s still is", (name, id) => {
    expect(resolvePerturbationLabel(name)?.entry.id).toBe(id);
  });
});

test.each([
  ["Ciliary Neurotrophic Factor", "cytokine"],
  ["Palifermin", "cytokine"],
  ["Peginterferon lambda-1a", "cytokine"],
  ["Lenograstim", "cytokine"],
  ["Denileukin Diftitox", "drug"],
  ["Vedolizumab", "drug"],
  ["dasatinib", "drug"],
])("%s is a %s", (name, kind) => {
  expect(ask(`How would B cells respond to ${name}?`).perturbation.kind).toBe(kind);
});

describe("tool compounds", () => {
  test.each([
    ["AZD1480", "AZD1480", ["JAK2", "JAK1"]],
    ["PD98059", "PD 98059", ["MAP2K1"]],
    ["SRT1720", "SRT 1720", ["SIRT1"]],
  ])("%s is %s, with targets and no response", (name, known, targets) => {
    const { perturbation, expected_targets } = ask(`How would B cells respond to ${name}?`);
    expect([perturbation.name, perturbation.targets, expected_targets]).toEqual([
      known,
      targets,
      [],
    ]);
  });

  test("what a vocabulary has by another name is that", () => {
    expect(ask("B cells and CUDC-907").perturbation.id).toBe("drugbank-db11891");
    expect(ask("B cells and CP-690550").perturbation.id).toBe("tofacitinib");
  });

  test.each([
    ["HDAC inhibitors", ["PCI-34051", "Tubacin"]],
    ["a JAK inhibitor", ["AZD1480"]],
  ])("%s are the members that the atlas holds", (words, held) => {
    const holding = atlasIndex({ cellTypes: ["B cell"], perturbations: ["IFN-beta", ...held] });
    const { perturbation, ambiguities } = ask(`How would B cells respond to ${words}?`, holding);
    expect(perturbation.atlas_labels).toEqual(held.slice(0, 1));
    expect(ambiguities[0]?.alternatives.slice(0, held.length - 1)).toEqual(held.slice(1));
  });

  test("no two rows have a name in common, and no gene is written twice", () => {
    const names = toolCompounds().flatMap(({ name, synonyms }) =>
      [name, ...synonyms].map(labelKey),
    );
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    const genes = toolCompounds().flatMap(({ targets }) => targets.map(({ gene }) => gene));
    expect(genes.filter((gene) => vocabulary("genes").find(labelKey(gene))?.name !== gene)).toEqual(
      [],
    );
  });
});

describe("a repair", () => {
  test.each([
    ["prednisolne", ["Prednisolone", "Prednisone"]],
    ["cylosporine", ["Cyclosporine", "Cytosporin E"]],
  ])("of %s that could be another is refused with both", (name, nearest) => {
    expect(() => ask(`How would B cells respond to ${name}?`)).toThrow(
      expect.objectContaining({
        code: "PERTURBATION_UNKNOWN",
        details: expect.objectContaining({ unknown: name, nearest }) as unknown,
      }),
    );
  });

  test.each(["betametasone", "lovastatn"])("of %s is offered by the name of a drug", (name) => {
    expect(() => ask(`How would B cells respond to ${name}?`)).toThrow(
      /did you mean (?:Betamethasone|Lovastatin)/i,
    );
  });

  test("never reaches into digits", () => {
    expect(() => ask("How would B cells respond to interleukin-l7?")).toThrow(/l7/);
  });

  test("is said in the answer", () => {
    const { perturbation, ambiguities } = ask("How would B cells respond to tofacitinb?");
    expect(perturbation).toMatchObject({ id: "tofacitinib", match: "spelling" });
    expect(ambiguities).toContainEqual({
      field: "perturbation",
      text: "tofacitinb",
      chosen: "Tofacitinib",
      alternatives: [],
    });
  });
});

describe("a longer name", () => {
  test.each([
    "VEGF-Q",
    "PHA-999999",
    "IL-22Rx",
    "TNF-x",
    "EGF 273595",
    "LPS-535764",
    "GlycoQAX-GCSF",
    "IFN-165682",
    "N-(2-methyl-1,3-benzothiazol-6-yl)benzamide",
    "N-qaxetyl-L-aspartate",
    "quinclorac(1-)",
    "qaxo-dihydro-prednisolone",
    "isorhamnetin 3-O-qaxoside",
    "methyl qaxonate",
  ])("is not cut to a shorter one: %s", (name) => {
    expect(refusal(`How would B cells respond to ${name}?`)).toBe("PERTURBATION_UNKNOWN");
  });

  test.each([
    ["How do LPS-treated B cells look?", "lps"],
    ["How do B cells respond to IL-2, 200 U/ml?", "il-2"],
    ["How do B cells respond to r-IL-2?", "il-2"],
  ])("is none where the rest says something: %s", (question, id) => {
    expect(ask(question).perturbation.id).toBe(id);
  });
});

it("keeps keys as the reader makes them", () => {
  for (const name of ["dexamethasone", "β-carotene", "HeLa", "TNFRSF1A"]) {
    const found = VOCABULARIES.some((list) => vocabulary(list).find(labelKey(name)) !== null);
    expect([name, found]).toEqual([name, true]);
  }
});

test("the document on the knowledge names every source with what it holds, version and licence", () => {
  const document = readFileSync("docs/knowledge.md", "utf8");
  for (const { source, holds, version, licence, entries } of SOURCES) {
    expect(document).toContain(`| ${source} | ${holds} | ${version} | ${licence} |`);
    expect(entries()).toBeGreaterThanOrEqual(50);
  }
});
