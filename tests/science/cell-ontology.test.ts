import { describe, expect, it } from "vitest";
import { curatedKnowledge, loadKnowledge } from "../../science/knowledge/load.ts";
import { ancestors, ontologyDistance } from "../../science/knowledge/ontology.ts";
import { resolveCellTypeLabel } from "../../science/knowledge/resolve.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex } from "./query-atlas.ts";
import { labelKey } from "../../science/knowledge/tokens.ts";

const knowledge = loadKnowledge();

describe("the whole Cell Ontology", () => {
  it("holds every curated cell type under the name that the ontology gives it", () => {
    const names = new Map(knowledge.cellTypes.map(({ id, name }) => [id, name]));
    expect(knowledge.cellTypes.length).toBeGreaterThan(3_000);
    for (const { id, name } of curatedKnowledge().cellTypes) expect(names.get(id)).toBe(name);
  });

  it("gives a name to the term that it belongs to, whatever a curated list says", () => {
    for (const [label, id] of [
      ["ILC1", "CL:0001068"],
      ["acinar cell", "CL:0000622"],
      ["ionocyte", "CL:0005006"],
      ["mDC", "CL:0000782"],
      ["PMN", "CL:0000096"],
      ["neural stem cell", "CL:0000047"],
      ["microvascular endothelial cells", "CL:2000008"],
      ["myotube", "CL:0002372"],
    ])
      expect([label, resolveCellTypeLabel(label ?? "")?.entry.id]).toEqual([label, id]);
  });

  it("keeps no curated name that is the name of another term", () => {
    const owner = new Map(knowledge.cellTypes.map(({ id, name }) => [labelKey(name), id]));
    for (const { id, synonyms, cell_lines } of curatedKnowledge().cellTypes)
      for (const name of [...synonyms, ...cell_lines])
        expect([name, owner.get(labelKey(name)) ?? id]).toEqual([name, id]);
  });

  it("keeps the ways between curated cell types as short as they were", () => {
    const curated = curatedKnowledge();
    for (const { id, parents } of curated.cellTypes)
      for (const parent of parents) {
        expect(ancestors(knowledge, id)).toContain(parent);
        expect(ontologyDistance(knowledge, id, parent)).toBe(1);
      }
  });

  it("offers the broader type that an atlas has, however many steps above", () => {
    const index = atlasIndex({ cellTypes: ["smooth muscle cell"], perturbations: ["TNF"] });
    expect(() =>
      understandQuestion("How would aortic smooth muscle cells respond to TNF?", [index]),
    ).toThrow(/"aortic smooth muscle cell"; ask about smooth muscle cell, the nearest/);
  });
});
