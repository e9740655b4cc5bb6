import { beforeAll, describe, expect, test } from "vitest";
import type { DifferentialExpression, EnrichedPathway } from "../../science/grounding/grounding.ts";
import { packGeneSets, unpackGeneSets } from "../../science/knowledge/gene-set-file.ts";
import {
  allGeneSets,
  geneSetPage,
  geneSets,
  LEAST_GENES,
  MOST_GENES,
} from "../../science/knowledge/gene-sets.ts";
import { curatedKnowledge } from "../../science/knowledge/load.ts";
import { compareExpression } from "../../science/statistics/differential-expression.ts";
import { geneSymbol } from "../../science/statistics/gene-symbol.ts";
import { testGeneSets, type TestedGeneSets } from "../../science/statistics/test-gene-sets.ts";
import { describeWithData } from "../support/data.ts";
import { readKang, selectCells } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";

describe("the shipped gene sets", () => {
  test.each([
    ["hallmark", 50, 4384],
    ["reactome", 1675, 11_255],
    ["gene-ontology", 6482, 16_041],
  ] as const)("of %s are those of its release", (collection, sets, genes) => {
    const all = geneSets(collection);
    expect(all.length).toBe(sets);
    expect(new Set(all.flatMap((set) => set.genes)).size).toBe(genes);
  });

  test("have ids of their own, and 10 to 500 symbols as genes are looked up, each once", () => {
    const all = allGeneSets();
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { id, name, genes, source } of all) {
      expect([id, genes.length >= LEAST_GENES && genes.length <= MOST_GENES]).toEqual([id, true]);
      expect([id, new Set(genes.map(geneSymbol)).size]).toEqual([id, genes.length]);
      expect([id, name.trim().length > 3]).toEqual([id, true]);
      expect(source).not.toBe("");
    }
  });

  test.each([
    ["HALLMARK_INTERFERON_ALPHA_RESPONSE", "Interferon alpha response", 97, "ISG15"],
    ["HALLMARK_UV_RESPONSE_DN", "UV response down", 144, "SMAD3"],
    ["R-HSA-909733", "Interferon alpha/beta signaling", 78, "STAT2"],
    ["GO:0051607", "Defense response to virus", 304, "OAS1"],
  ])("hold %s whole", (id, name, size, gene) => {
    const set = allGeneSets().find((each) => each.id === id);
    expect([set?.name, set?.genes.length]).toEqual([name, size]);
    expect(set?.genes).toContain(gene);
  });

  test("hold more of a set than the curated ones of the score", () => {
    const whole = new Map(geneSets("hallmark").map(({ id, genes }) => [id, genes.length]));
    const cut = curatedKnowledge().pathways.filter(({ id }) => whole.has(id));
    expect(cut.length).toBeGreaterThan(40);
    for (const { id, genes } of cut)
      expect([id, genes.length <= whole.get(id)!]).toEqual([id, true]);
  });

  test("have a page where their database is known", () => {
    for (const { id } of allGeneSets())
      expect([id, geneSetPage(id)]).toEqual([id, expect.any(String)]);
    expect(geneSetPage("R-HSA-909733")).toBe("https://reactome.org/content/detail/R-HSA-909733");
    for (const id of ["MY_SET", "imported:GO:0051607", "GO:1 x", "javascript:alert(1)"])
      expect(geneSetPage(id)).toBeNull();
  });
});

test("a packed collection is read as it was, and its bytes do not depend on the order of sets", () => {
  const sets = [
    { id: "B", name: "second", genes: ["TNF", "STAT1", "IL6"] },
    { id: "A", name: "first µ", genes: ["IL6"] },
  ];
  const packed = packGeneSets(sets);
  expect(unpackGeneSets(packed)).toEqual([
    { id: "A", name: "first µ", genes: ["IL6"] },
    { id: "B", name: "second", genes: ["IL6", "STAT1", "TNF"] },
  ]);
  expect(packGeneSets(sets.toReversed())).toEqual(packed);
});

/** `changed` of the genes go up. */
function upIn(
  genes: readonly string[],
  changed: (gene: string) => boolean,
): DifferentialExpression {
  return {
    genes,
    log2_fold_change: Float64Array.from(genes, () => 1),
    p_value: new Float64Array(genes.length),
    p_adjusted: new Float64Array(genes.length),
    is_de: Uint8Array.from(genes, (gene) => Number(changed(gene))),
  };
}

describe("testing gene sets", () => {
  const interferon = geneSets("hallmark").find(
    ({ id }) => id === "HALLMARK_INTERFERON_ALPHA_RESPONSE",
  )!;
  const others = geneSets("hallmark")
    .find(({ id }) => id === "HALLMARK_MYOGENESIS")!
    .genes.filter((gene) => !interferon.genes.includes(gene));
  const responding = new Set(interferon.genes);
  const de = upIn([...interferon.genes, ...others], (gene) => responding.has(gene));

  test("names for each set the more significant one that holds half of its changed genes", () => {
    const genes = [...new Set(geneSets("hallmark").flatMap((set) => set.genes))];
    const { enriched } = testGeneSets(
      upIn(genes, (gene) => responding.has(gene) || others.includes(gene)),
      [],
    );
    const significant = enriched.filter(({ p_adjusted }) => p_adjusted < 0.05);
    const standing = significant.filter(({ alike }) => alike === undefined);
    const share = (of: EnrichedPathway, within: EnrichedPathway): number =>
      of.genes.filter((gene) => within.genes.includes(gene)).length / of.genes.length;
    expect(standing.length).toBeGreaterThan(1);
    expect(standing.find(({ id }) => id === interferon.id)).toMatchObject({
      direction: "up",
      overlap: 97,
    });
    expect(enriched.filter(({ alike }) => alike === interferon.id).length).toBeGreaterThan(5);
    for (const [i, row] of significant.entries()) {
      const above = standing.filter((other) => significant.indexOf(other) < i);
      const stands = above.find(
        (other) => other.direction === row.direction && share(row, other) >= 0.5,
      );
      expect([row.id, row.alike]).toEqual([row.id, stands?.id]);
    }
  });

  test("leaves shipped sets out of which fewer than 10 genes are measured, and the user's in", () => {
    const few = [...interferon.genes.slice(0, 9), ...others];
    const own = { id: "MINE", name: "Mine", genes: interferon.genes.slice(0, 5), source: "mine" };
    const taken = { ...own, id: interferon.id };
    const unmeasured = { ...own, id: "NONE", genes: ["NOT", "MEASURED"] };
    const tested = testGeneSets(
      upIn(few, (gene) => responding.has(gene)),
      [own, taken, unmeasured],
    );
    const ids = tested.enriched.map(({ id }) => id);
    expect(ids).not.toContain(interferon.id);
    expect(ids).toContain("MINE");
    expect(ids).toContain(`imported:${interferon.id}`);
    expect(tested.gene_sets_tested).toBe(
      testGeneSets(
        upIn(few, () => false),
        [],
      ).gene_sets_tested + 2,
    );
  });

  test("folds no set of the user into another", () => {
    const own = { id: "MINE", name: "Mine", genes: interferon.genes.slice(0, 40), source: "mine" };
    const { enriched } = testGeneSets(de, [own]);
    expect(enriched.find(({ id }) => id === "MINE")).not.toHaveProperty("alike");
  });

  test("reads the genes of mice as the human ones of the same name", () => {
    const asInMice = (gene: string): string => gene.slice(0, 1) + gene.slice(1).toLowerCase();
    const mouse = { ...de, genes: de.genes.map(asInMice) };
    expect(testGeneSets(mouse, [])).toEqual(testGeneSets(de, []));
  });

  test("hands on what just missed, up to 100 rows", () => {
    const { enriched } = testGeneSets(
      upIn(de.genes, (gene) => gene === de.genes[0]),
      [],
    );
    expect(enriched.filter(({ p_adjusted }) => p_adjusted < 0.05)).toEqual([]);
    expect(enriched.length).toBeGreaterThan(10);
    expect(enriched.length).toBeLessThanOrEqual(100);
  });
});

describeWithData("gene sets on measured cells", () => {
  let de: DifferentialExpression;
  let tested: TestedGeneSets;
  beforeAll(async () => {
    const kang = await readKang();
    const cells = (treated: boolean) =>
      selectCells(kang, (cell) => cell.cellType === "CD14+ Monocytes" && cell.treated === treated);
    de = compareExpression(cells(true), cells(false)).de;
    tested = testGeneSets(de, []);
  });

  test("interferon-beta: the interferon response comes first, and few sets stand for many", () => {
    const significant = tested.enriched.filter(({ p_adjusted }) => p_adjusted < 0.05);
    const standing = significant.filter(({ alike }) => alike === undefined);
    expect(standing[0]).toMatchObject({
      id: "HALLMARK_INTERFERON_ALPHA_RESPONSE",
      direction: "up",
    });
    expect(significant.length).toBeGreaterThan(100);
    expect(standing.length).toBeLessThan(significant.length / 5);
  });

  describeWithPython("against scipy", () => {
    test("p of each set equals hypergeom with false_discovery_control over all sets", async () => {
      const sets = allGeneSets().map(({ id, genes }) => [id, genes] as const);
      const expected = await runPython<{ tested: number; rows: Record<string, number> }>(
        `
import json, sys
import numpy as np
from scipy.stats import hypergeom, false_discovery_control
sets, genes, sign = json.loads(sys.argv[1])
measured = set(genes)
changed = {d: {g for g, s in zip(genes, sign) if s == d} for d in (1, -1)}
found = [(i, measured & set(m)) for i, m in sets]
found = [(i, m) for i, m in found if len(m) >= 10]
tests = [(i, d, len(m & changed[d]), len(m)) for i, m in found for d in (1, -1)]
k, m, n = (np.array(c) for c in zip(*[(k, m, len(changed[d])) for _, d, k, m in tests]))
q = false_discovery_control(hypergeom.sf(k - 1, len(measured), m, n))
print(json.dumps({"tested": len(found), "rows": {f"{i} {'up' if d == 1 else 'down'}": float(v) for (i, d, _, _), v in zip(tests, q)}}))`,
        [
          sets,
          de.genes.map(geneSymbol),
          de.genes.map((_, i) => (de.is_de[i] === 1 ? Math.sign(de.log2_fold_change[i]!) : 0)),
        ],
      );
      expect(tested.gene_sets_tested).toBe(expected.tested);
      expect(tested.enriched.filter(({ p_adjusted }) => p_adjusted < 0.05).length).toBe(
        Object.values(expected.rows).filter((p) => p < 0.05).length,
      );
      for (const { id, direction, p_adjusted } of tested.enriched) {
        const theirs = expected.rows[`${id} ${direction}`]!;
        expect([id, Math.abs(p_adjusted - theirs) <= 1e-8 * theirs + 1e-300]).toEqual([id, true]);
      }
    });
  });
});
