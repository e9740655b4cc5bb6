import { describe, expect, it } from "vitest";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { ancestors } from "../../science/knowledge/ontology.ts";
import { resolveCellTypeLabel, resolvePerturbationLabel } from "../../science/knowledge/resolve.ts";
import { labelKey } from "../../science/knowledge/tokens.ts";
import { loadVocabulary } from "../../science/query/vocabulary.ts";

const knowledge = loadKnowledge();
const { cellTypes, pathways, perturbations } = knowledge;

function repeated(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

/** Names that two entries of one kind claim. */
function contested(
  entries: readonly { readonly id: string; readonly names: readonly string[] }[],
): string[] {
  const owners = new Map<string, string>();
  const found: string[] = [];
  for (const { id, names } of entries) {
    for (const name of names) {
      const key = labelKey(name);
      if ((owners.get(key) ?? id) !== id) found.push(`${name}: ${id} and ${owners.get(key)}`);
      owners.set(key, id);
    }
  }
  return found;
}

function count(kind: string): number {
  return perturbations.filter((entry) => entry.kind === kind).length;
}

/** Kinds of which no response is recorded. */
const NAMED_ONLY = new Set(["environment", "pathogen"]);

describe("curated knowledge", () => {
  it("is large enough for common questions", () => {
    expect(cellTypes.length).toBeGreaterThanOrEqual(90);
    expect(pathways.length).toBeGreaterThanOrEqual(50);
    expect(count("drug")).toBeGreaterThanOrEqual(60);
    expect(count("cytokine")).toBeGreaterThanOrEqual(30);
    expect(count("genetic")).toBeGreaterThanOrEqual(15);
  });

  it("has each id once, sorted", () => {
    for (const ids of [cellTypes, pathways, perturbations].map((entries) =>
      entries.map(({ id }) => id),
    )) {
      expect(repeated(ids)).toEqual([]);
      expect(ids).toEqual(ids.toSorted());
    }
  });

  it("has one root, and every other cell type descends from it without a circle", () => {
    expect(cellTypes.filter(({ parents }) => parents.length === 0).map(({ id }) => id)).toEqual([
      "CL:0000000",
    ]);
    const ids = new Set(cellTypes.map(({ id }) => id));
    expect(
      cellTypes.flatMap(({ parents }) => parents).filter((parent) => !ids.has(parent)),
    ).toEqual([]);
    for (const { id, parents } of cellTypes) {
      expect(id === "CL:0000000" || ancestors(knowledge, id).has("CL:0000000")).toBe(true);
      for (const parent of parents) expect(ancestors(knowledge, parent)).not.toContain(id);
      expect(parents).not.toContain(id);
    }
  });

  it("has names that mean one entry of a kind", () => {
    expect(
      contested(
        cellTypes.map(({ id, name, synonyms, cell_lines }) => ({
          id,
          names: [name, ...synonyms, ...cell_lines],
        })),
      ),
    ).toEqual([]);
    expect(
      contested(
        perturbations.map(({ id, name, synonyms }) => ({ id, names: [name, ...synonyms] })),
      ),
    ).toEqual([]);
  });

  it("resolves every name to its own entry", () => {
    for (const { id, name, synonyms, cell_lines } of cellTypes) {
      for (const text of [name, ...synonyms, ...cell_lines])
        expect([text, resolveCellTypeLabel(text)?.entry.id]).toEqual([text, id]);
    }
    for (const { id, name, synonyms } of perturbations) {
      for (const text of [name, ...synonyms])
        expect([text, resolvePerturbationLabel(text)?.entry.id]).toEqual([text, id]);
    }
  });

  it("writes genes as HGNC symbols, each once a list", () => {
    const symbol = /^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*$/;
    const lists = [
      ...cellTypes.map(({ markers }) => markers),
      ...pathways.map(({ genes }) => genes),
      ...perturbations.flatMap(({ targets, response }) => [
        targets.map(({ gene }) => gene),
        response.map(({ gene }) => gene),
      ]),
    ];
    expect(lists.flat().filter((gene) => !symbol.test(gene))).toEqual([]);
    expect(lists.flatMap(repeated)).toEqual([]);
  });

  it("has pathways of a size that enrichment can judge", () => {
    for (const { id, genes } of pathways) {
      expect([id, genes.length >= 10]).toEqual([id, true]);
      expect([id, genes.length <= 80]).toEqual([id, true]);
    }
  });

  it("says for drugs and cytokines which genes respond, and for all which pathways", () => {
    const known = new Set(pathways.map(({ id }) => id));
    for (const { id, kind, response, pathways: affected, source } of perturbations) {
      expect(affected.filter((pathway) => !known.has(pathway.id))).toEqual([]);
      if (NAMED_ONLY.has(kind) || source.endsWith("no response to it is recorded.")) continue;
      expect([id, kind === "genetic" || (response.length >= 15 && response.length <= 45)]).toEqual([
        id,
        true,
      ]);
      expect([id, affected.length > 0]).toEqual([id, true]);
    }
  });

  it("names a source for every entry, and none that is a bare claim", () => {
    const form =
      /Cell Ontology CL:\d{7}|Reactome R-HSA-\d+|MSigDB HALLMARK_\w+|KEGG hsa\d{5}|WikiPathways WP\d+|Gene Ontology GO:\d{7}|GEO GSE\d+|ChEBI CHEBI:\d+|ChEMBL CHEMBL\d+|DrugBank DB\d{5}|HGNC [A-Z0-9]+|NCBI Taxonomy \d+|Named only/;
    expect(
      [...cellTypes, ...pathways, ...perturbations]
        .filter(({ source }) => !form.test(source))
        .map(({ id }) => id),
    ).toEqual([]);
  });

  it("says of a response that it is that of a class, or holds in stimulated cells only", () => {
    const NEAR = 0.8;
    const genes = ({ response }: (typeof perturbations)[number]) =>
      new Set(response.map(({ gene, direction }) => `${gene} ${direction}`));
    const curated = perturbations.filter(({ response }) => response.length > 0);
    for (const entry of curated) {
      const own = genes(entry);
      const isTwin = curated.some((other) => {
        const theirs = genes(other);
        const both = [...own].filter((gene) => theirs.has(gene)).length;
        return other !== entry && both >= NEAR * (own.size + theirs.size - both);
      });
      const says = /response genes (?:of its class|as of)/.test(entry.source);
      expect([entry.id, says]).toEqual([entry.id, isTwin]);
    }
    const unstimulated = perturbations.filter(
      ({ mechanism, source }) =>
        ["JAK inhibitor", "TNF inhibitor", "interferon signaling loss"].includes(mechanism) &&
        !source.includes("in stimulated cells"),
    );
    expect(unstimulated).toEqual([]);
  });

  it("knows that hedgehog inhibits PTCH1, and that IL-30 is not the whole of IL-27", () => {
    const shh = perturbations.find(({ id }) => id === "shh");
    expect(shh?.targets).toContainEqual({ gene: "PTCH1", action: "inhibits" });
    expect(resolvePerturbationLabel("IL-30")).toBeNull();
  });

  it("cannot be changed by its users", () => {
    expect(loadKnowledge()).toBe(knowledge);
    expect(() => Object.assign(cellTypes[0] ?? {}, { name: "x" })).toThrow(TypeError);
  });

  it("has every perturbation and cell type that the vocabulary of questions points to", () => {
    const vocabulary = loadVocabulary();
    const ids = new Set([...perturbations, ...cellTypes].map(({ id }) => id));
    expect(
      [
        ...vocabulary.ambiguous_perturbations.flatMap(({ meanings }) => meanings),
        ...vocabulary.mixtures,
      ].filter((id) => !ids.has(id)),
    ).toEqual([]);
  });
});
