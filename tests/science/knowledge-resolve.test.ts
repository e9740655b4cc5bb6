import { describe, expect, it } from "vitest";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { ancestors, descendants, ontologyDistance } from "../../science/knowledge/ontology.ts";
import {
  labelResolver,
  resolveCellTypeLabel,
  resolvePerturbationLabel,
} from "../../science/knowledge/resolve.ts";
import { labelKey } from "../../science/knowledge/tokens.ts";

const knowledge = loadKnowledge();

it("a word that every object has as a property is a word like others", () => {
  for (const word of ["constructor", "toString", "valueOf"])
    expect(labelKey(word)).toBe(word.toLowerCase());
});

describe("labels of cell types", () => {
  it.each([
    ["CD14+ Monocytes", "CL:0001054", "synonym"],
    ["CD14 Mono", "CL:0001054", "synonym"],
    ["FCGR3A+ Monocytes", "CL:0002396", "synonym"],
    ["Monocytes", "CL:0000576", "exact"],
    ["B cells", "CL:0000236", "exact"],
    ["B", "CL:0000236", "synonym"],
    ["CD4 T cells", "CL:0000624", "synonym"],
    ["CD8 T cells", "CL:0000625", "synonym"],
    ["NK cells", "CL:0000623", "synonym"],
    ["γδ T cells", "CL:0000798", "exact"],
    ["CD14+CD16- monocytes", "CL:0002057", "synonym"],
    ["CD14+CD16+ monocytes", "CL:0002397", "synonym"],
    ["Endothelial", "CL:0000115", "exact"],
    ["Megakaryocytes", "CL:0000556", "exact"],
    ["CD4+/CD25 T Reg", "CL:0000792", "synonym"],
    ["CD8+ Cytotoxic T", "CL:0000794", "synonym"],
    ["Lungenfibroblasten", "CL:0002553", "synonym"],
    ["weisse Blutkörperchen", "CL:0000738", "synonym"],
    ["T细胞", "CL:0000084", "exact"],
    ["fibroblsts", "CL:0000057", "spelling"],
    ["THP1", "CL:0000576", "cell_line"],
  ])("%s", (label, id, match) => {
    const resolved = resolveCellTypeLabel(label);
    expect([resolved?.entry.id, resolved?.match]).toEqual([id, match]);
  });

  it.each(["", "+", "7", "other", "unassigned", "doublets", "Cluster 12"])(
    "%j means none",
    (label) => {
      expect(resolveCellTypeLabel(label)).toBeNull();
    },
  );
});

describe("labels of perturbations", () => {
  it.each([
    ...[
      "IFN-beta",
      "IFNb",
      "interferon beta",
      "IFN-β",
      "IFNβ",
      "ifn_beta",
      "IFNB1",
      "INF-beta",
      "Betaferon",
      "干扰素β",
    ].map((label) => [label, "ifn-beta"]),
    ["TNF-α", "tnf"],
    ["TGFb1", "tgf-beta1"],
    ["IL1β", "il-1-beta"],
    ["Interleukin-17A", "il-17a"],
    ["poly(I:C)", "poly-i-c"],
    ["Rapamycin", "sirolimus"],
    ["STAT1", "stat1-knockout"],
    ["STAT1_KO", "stat1-knockout"],
    ["sgSTAT1", "stat1-knockout"],
    ["CRISPRi STAT1", "stat1-knockout"],
    ["knockout of TP53", "tp53-knockout"],
    ["MYC OE", "myc-overexpression"],
    ["Dexametasone", "dexamethasone"],
  ])("%s", (label, id) => {
    expect(resolvePerturbationLabel(label ?? "")?.entry.id).toBe(id);
  });

  it.each(["control", "ctrl", "stim", "DMSO", "", "IFN-beta+TNF", "BRCA7_KO"])(
    "%j means none",
    (label) => {
      expect(resolvePerturbationLabel(label)).toBeNull();
    },
  );

  it("does not take one interleukin for a misspelt other", () => {
    for (let number = 2; number <= 60; number++) {
      expect(resolvePerturbationLabel(`Interleukin ${number}`)?.match).not.toBe("spelling");
    }
  });
});

describe("ids for an atlas", () => {
  const resolver = labelResolver(knowledge);

  it("are those of the knowledge, and none for misspelt labels", () => {
    expect(resolver.cellOntologyId("CD14+ Monocytes")).toBe("CL:0001054");
    expect(resolver.perturbationId("IFN-beta")).toBe("ifn-beta");
    expect(resolver.cellOntologyId("CD14+ Monocites")).toBeNull();
    expect(resolver.perturbationId("IFN-betta")).toBeNull();
  });

  it.each([
    ["Trametinib (GSK1120212)", "trametinib"],
    ["Tofacitinib (CP-690550) Citrate", "tofacitinib"],
    ["Baricitinib (LY3009104, INCB028050)", "baricitinib"],
    ["INCB018424 (Ruxolitinib)", "ruxolitinib"],
    ["Dexamethasone (sodium phosphate)", "dexamethasone"],
    ["IL-6 (recombinant human)", "il-6"],
    ["IFN-beta (heat-inactivated)", null],
    ["TNF (washout)", null],
    ["TNF (anti-TNF)", null],
    ["TNF (IL-6)", null],
    ["TNF (day 10)", null],
    ["TNF (DAY 10)", null],
    ["IFN-beta (STAT1 KO)", null],
  ])("a name with what stands in brackets: %s is %s", (label, id) => {
    expect(resolver.perturbationId(label)).toBe(id);
  });
});

describe("the ontology", () => {
  it("knows kinds of kinds", () => {
    expect(ancestors(knowledge, "CL:0001054")).toContain("CL:0000576");
    expect(descendants(knowledge, "CL:0000576")).toContain("CL:0001054");
    expect(descendants(knowledge, "CL:0000576")).not.toContain("CL:0000576");
    expect(ancestors(knowledge, "CL:9999999").size).toBe(0);
  });

  it("counts steps, the same both ways", () => {
    expect(ontologyDistance(knowledge, "CL:0000624", "CL:0000624")).toBe(0);
    expect(ontologyDistance(knowledge, "CL:0000624", "CL:0000625")).toBe(2);
    expect(ontologyDistance(knowledge, "CL:0001054", "CL:0000576")).toBe(1);
    expect(ontologyDistance(knowledge, "CL:0000057", "CL:0000236")).toBe(
      ontologyDistance(knowledge, "CL:0000236", "CL:0000057"),
    );
    expect(ontologyDistance(knowledge, "CL:0000624", null)).toBeNull();
    expect(ontologyDistance(knowledge, "CL:0000624", "CL:9999999")).toBeNull();
  });
});
