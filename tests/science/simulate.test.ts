import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import type { AnnData, UnsValue } from "../../science/anndata/anndata.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { countMatrixBuilder, countProfile } from "../../science/simulate/count-sampler.ts";
import { randomStream } from "../../science/simulate/seeded-random.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { columnMeans, logNormalise } from "../../science/statistics/normalise.ts";

const knowledge = loadKnowledge();
const SMALL = { seed: 3, nGenes: 800, cellsPerGroup: 4 };

function digest(adata: AnnData): string {
  const hash = createHash("sha256");
  for (const part of [adata.X.data, adata.X.indices, adata.X.indptr]) hash.update(part);
  return hash.update(JSON.stringify([adata.obs, adata.var, adata.uns])).digest("hex");
}

function textColumn(adata: AnnData, name: string): readonly string[] {
  return adata.obs.columns[name] as readonly string[];
}

/** Mean log1p(CP10k) profile of the cells that a predicate picks. */
function profileOf(adata: AnnData, picks: (row: number) => boolean): Float64Array {
  const rows = adata.obs.index.keys().filter(picks).toArray();
  const kept = rows.map((row) => [adata.X.indptr[row]!, adata.X.indptr[row + 1]!] as const);
  const data = Float32Array.from(
    kept.flatMap(([from, to]) => [...adata.X.data.subarray(from, to)]),
  );
  const indices = Int32Array.from(
    kept.flatMap(([from, to]) => [...adata.X.indices.subarray(from, to)]),
  );
  const indptr = new Int32Array(rows.length + 1);
  kept.forEach(([from, to], i) => (indptr[i + 1] = indptr[i]! + to - from));
  return columnMeans(
    logNormalise({ nRows: rows.length, nCols: adata.X.nCols, data, indices, indptr }),
  );
}

describe("the simulator's bytes", () => {
  test("are the same for the same options and differ for another seed", () => {
    const first = digest(simulateAtlas(SMALL));
    expect(digest(simulateAtlas(SMALL))).toBe(first);
    expect(digest(simulateAtlas({ ...SMALL, seed: 4 }))).not.toBe(first);
  });
});

describe("the demo atlas", () => {
  let adata: AnnData;
  beforeAll(() => {
    adata = simulateAtlas({ seed: 1 });
  });

  test("is valid: positive whole counts, ascending columns, unique names, about 2,000 genes, labelled simulated", () => {
    const { X, obs, var: genes, uns } = adata;
    expect(X.nCols).toBe(2000);
    expect(new Set(genes.index).size).toBe(2000);
    expect(new Set(obs.index).size).toBe(X.nRows);
    expect(X.data.every((count) => count > 0 && Number.isInteger(count))).toBe(true);
    let ascending = true;
    for (let row = 0; row < X.nRows; row += 1) {
      for (let k = X.indptr[row]! + 1; k < X.indptr[row + 1]!; k += 1)
        ascending &&= X.indices[k]! > X.indices[k - 1]!;
    }
    expect(ascending).toBe(true);
    expect(uns["simulated"]).toBe(1);
    expect(uns["title"]).toMatch(/simulated/iu);
  });

  test("holds 8 or more cell types with ids, 12 perturbations of three kinds, 3 donors, controls of each, and holes", () => {
    const types = new Set(textColumn(adata, "cell_type"));
    const perturbations = new Set(textColumn(adata, "perturbation"));
    expect(types.size).toBeGreaterThanOrEqual(8);
    expect(textColumn(adata, "cell_ontology_id").every((id) => /^CL:\d{7}$/u.test(id))).toBe(true);
    expect(perturbations.size).toBe(13);
    expect(new Set(textColumn(adata, "perturbation_kind"))).toEqual(
      new Set(["control", "cytokine", "drug", "genetic"]),
    );
    expect(new Set(textColumn(adata, "donor_id")).size).toBe(3);
    const pairs = new Set(
      adata.obs.index.map(
        (_, row) =>
          `${textColumn(adata, "cell_type")[row]}/${textColumn(adata, "perturbation")[row]}`,
      ),
    );
    for (const type of types) expect(pairs).toContain(`${type}/control`);
    expect(pairs.size).toBeLessThan(types.size * perturbations.size);
  });

  test("carries the true effects, and known IFN-beta response genes move in their known direction", () => {
    const entry = knowledge.perturbations.find(({ id }) => id === "ifn-beta")!;
    const effect = (adata.uns["effects"] as Record<string, Record<string, UnsValue>>)["ifn-beta"]!;
    const type = textColumn(adata, "cell_ontology_id");
    const perturbation = textColumn(adata, "perturbation");
    for (const id of ["CL:0000236", "CL:0001054", "CL:0002553"]) {
      const treated = profileOf(
        adata,
        (row) => type[row] === id && perturbation[row] === entry.name,
      );
      const control = profileOf(
        adata,
        (row) => type[row] === id && perturbation[row] === "control",
      );
      const delta = (gene: string): number =>
        treated[adata.var.index.indexOf(gene)]! - control[adata.var.index.indexOf(gene)]!;
      const truth = (effect["by_cell_type"] as Record<string, Float64Array>)[id.replace(":", "_")]!;
      expect(pearson(truth, (effect["genes"] as string[]).map(delta))).toBeGreaterThan(0.8);
      const right = entry.response.filter(({ gene, direction }) =>
        direction === "up" ? delta(gene) > 0 : delta(gene) < 0,
      );
      expect(right.length / entry.response.length).toBeGreaterThan(0.9);
    }
  });

  test("cell types whose controls look alike respond alike", () => {
    const type = textColumn(adata, "cell_ontology_id");
    const perturbation = textColumn(adata, "perturbation");
    const effects = Object.values(
      adata.uns["effects"] as Record<
        string,
        { readonly by_cell_type: Record<string, Float64Array> }
      >,
    );
    const profiles = [...new Set(type)].map((id) => ({
      control: profileOf(adata, (row) => type[row] === id && perturbation[row] === "control"),
      delta: effects.flatMap((effect) => [...effect.by_cell_type[id.replace(":", "_")]!]),
    }));
    const pairs = profiles.flatMap((x, i) =>
      profiles
        .slice(i + 1)
        .map((y) => [pearson(x.control, y.control), pearson(x.delta, y.delta)] as const),
    );
    expect(
      pearson(
        pairs.map(([likeness]) => likeness),
        pairs.map(([, response]) => response),
      ),
    ).toBeGreaterThan(0.4);
  });
});

test("the total number of cells can be set exactly", () => {
  expect(simulateAtlas({ ...SMALL, nCells: 1234 }).X.nRows).toBe(1234);
});

test("counts are negative binomial: mean m, variance m + m^2 / size", () => {
  const means = Float64Array.from([0.2, 1, 5, 40, ...Array.from({ length: 20 }, () => 10)]);
  const profile = countProfile(means, 2);
  const builder = countMatrixBuilder(means.length, 100);
  const random = randomStream(5, "moments");
  const n = 20_000;
  for (let cell = 0; cell < n; cell += 1) builder.addCell(random, profile, profile.librarySize);
  const X = builder.build();
  const sums = new Float64Array(means.length);
  const squares = new Float64Array(means.length);
  X.indices.forEach((gene, k) => {
    sums[gene]! += X.data[k]!;
    squares[gene]! += X.data[k]! ** 2;
  });
  means.forEach((mean, gene) => {
    const observed = sums[gene]! / n;
    const variance = squares[gene]! / n - observed ** 2;
    expect(observed / mean).toBeGreaterThan(0.93);
    expect(observed / mean).toBeLessThan(1.07);
    expect(variance / (mean + mean ** 2 / 2)).toBeGreaterThan(0.87);
    expect(variance / (mean + mean ** 2 / 2)).toBeLessThan(1.13);
  });
});
