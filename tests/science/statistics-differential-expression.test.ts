import { beforeAll, describe, expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import type { PathwayEntry } from "../../science/knowledge/knowledge.ts";
import { compareExpression } from "../../science/statistics/differential-expression.ts";
import { enrichment } from "../../science/statistics/enrichment.ts";
import { KANG, describeWithData } from "../support/data.ts";
import { adataOf, readKang, selectCells } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";

interface Reference {
  readonly genes: string[];
  readonly p: number[];
  readonly p_adjusted: number[];
  readonly lfc: number[];
}

const scanpyDifferentialExpression = `
import json, sys
import anndata as ad, numpy as np, scanpy as sc
path, cell_type = json.loads(sys.argv[1])
a = ad.read_h5ad(path)
a = a[a.obs.cell_type == cell_type].copy()
a.X = a.X.astype("float64")
sc.pp.normalize_total(a, target_sum=1e4)
sc.pp.log1p(a)
a.X = a.X.astype("float32")
sc.tl.rank_genes_groups(a, "perturbation", groups=["IFN-beta"], reference="control", method="wilcoxon", tie_correct=True)
r = sc.get.rank_genes_groups_df(a, group="IFN-beta").set_index("names").loc[a.var_names]
print(json.dumps({"genes": list(a.var_names), "p": r.pvals.tolist(), "p_adjusted": r.pvals_adj.tolist(), "lfc": r.logfoldchanges.tolist()}))`;

describeWithData("differential expression on measured cells", () => {
  let kang: AnnData;
  beforeAll(async () => {
    kang = await readKang();
  });

  describeWithPython("against scanpy", () => {
    test.each(["CD14+ Monocytes", "CD8 T cells"])(
      "p, adjusted p and log2 fold change of %s",
      async (cellType) => {
        const expected = await runPython<Reference>(scanpyDifferentialExpression, [KANG, cellType]);
        const de = compareExpression(
          selectCells(kang, (cell) => cell.cellType === cellType && cell.treated),
          selectCells(kang, (cell) => cell.cellType === cellType && !cell.treated),
        ).de;
        expect(de.genes).toEqual(expected.genes);
        let worst = 0;
        de.genes.forEach((_, i) => {
          const lfcScale = Math.max(1, Math.abs(expected.lfc[i]!));
          worst = Math.max(
            worst,
            Math.abs(de.p_value[i]! - expected.p[i]!),
            Math.abs(de.p_adjusted[i]! - expected.p_adjusted[i]!),
            Math.abs(de.log2_fold_change[i]! - expected.lfc[i]!) / lfcScale,
          );
        });
        expect(worst).toBeLessThan(1e-6);
      },
    );

    test("enrichment equals scipy's hypergeom with false_discovery_control", async () => {
      const de = compareExpression(
        selectCells(kang, (cell) => cell.cellType === "B cells" && cell.treated),
        selectCells(kang, (cell) => cell.cellType === "B cells" && !cell.treated),
      ).de;
      const pathways = Array.from({ length: 12 }, (_, i) =>
        pathway(
          `SET:${i}`,
          de.genes.filter((_gene, g) => g % 13 === i || (de.is_de[g] === 1 && g % 5 === i)),
        ),
      );
      const changed = de.genes.map((_, i) =>
        de.is_de[i] === 1 ? Math.sign(de.log2_fold_change[i]!) : 0,
      );
      const counts = pathways.flatMap(({ genes }) => {
        const members = genes.map((gene) => de.genes.indexOf(gene));
        return [1, -1].map((sign) => [
          members.filter((g) => changed[g] === sign).length,
          de.genes.length,
          members.length,
          changed.filter((c) => c === sign).length,
        ]);
      });
      const expected = await runPython<number[]>(
        `
import json, sys
from scipy.stats import hypergeom, false_discovery_control
p = [float(hypergeom.sf(k - 1, N, m, n)) for k, N, m, n in json.loads(sys.argv[1])]
print(json.dumps(false_discovery_control(p).tolist()))`,
        counts,
      );
      const rows = enrichment(de, pathways);
      expect(rows.length).toBeGreaterThan(12);
      for (const row of rows) {
        const at =
          2 * pathways.findIndex(({ id }) => id === row.id) + (row.direction === "up" ? 0 : 1);
        expect(row.p_adjusted).toBeCloseTo(expected[at]!, 10);
        expect(row.overlap).toBe(counts[at]![0]);
      }
    });
  });
});

describe("differentially expressed", () => {
  test("a rare gene that shifts a little in every cell is significant but not DE", () => {
    const [shifted, control] = [0.01, 0].map((count) =>
      adataOf(
        Array.from({ length: 40 }, (_, i) => [count, 40 + (i % 2), 5000 + (i % 7)]),
        ["RARE", "B", "C"],
      ),
    );
    const de = compareExpression(shifted!, control!).de;
    expect(de.p_adjusted[0]).toBeLessThan(1e-6);
    expect(de.log2_fold_change[0]).toBeGreaterThan(20);
    expect(de.is_de[0]).toBe(0);
  });

  test("a gene that truly rises is DE", () => {
    const [raised, control] = [20, 2].map((count) =>
      adataOf(
        Array.from({ length: 40 }, (_, i) => [count + (i % 2), 100, 100]),
        ["UP", "B", "C"],
      ),
    );
    const de = compareExpression(raised!, control!).de;
    expect(de.is_de[0]).toBe(1);
    expect(de.log2_fold_change[0]).toBeGreaterThan(2);
  });

  test("needs the same genes and cells on both sides", () => {
    const cells = adataOf([[1, 2]], ["A", "B"]);
    expect(() => compareExpression(cells, adataOf([[1, 2]], ["B", "A"])).de).toThrow(
      expect.objectContaining({ code: "ANNDATA_INVALID" }),
    );
    expect(() => compareExpression(cells, adataOf([], ["A", "B"])).de).toThrow(
      expect.objectContaining({ code: "ANNDATA_INVALID" }),
    );
  });
});

describe("enrichment", () => {
  const de = {
    genes: ["a", "B", "C_ENSG00000000001", "D", "E", "F"],
    log2_fold_change: Float64Array.of(2, 2, 2, -2, 0, 0),
    p_value: new Float64Array(6),
    p_adjusted: new Float64Array(6),
    is_de: Uint8Array.of(1, 1, 1, 1, 0, 0),
  };

  test("matches symbols in any case and with an Ensembl suffix, and counts measured genes only", () => {
    const [row] = enrichment(de, [pathway("P", ["A", "B", "C", "UNMEASURED", "ALSO"])]);
    expect(row).toStrictEqual({
      id: "P",
      name: "P",
      direction: "up",
      overlap: 3,
      pathway_size: 3,
      genes: ["A", "B", "C"],
      source: "made for this test",
      p_adjusted: expect.closeTo(0.1, 10) as number,
    });
  });

  test("leaves out pathways without overlap or without measured genes", () => {
    expect(enrichment(de, [pathway("NONE", ["X", "Y"]), pathway("STILL", ["E", "F"])])).toEqual([]);
  });
});

function pathway(id: string, genes: string[]): PathwayEntry {
  return { id, name: id, genes, source: "made for this test" };
}
