import { readdir, rm } from "node:fs/promises";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AtlasIndex } from "../../../science/atlas/atlas-index.ts";
import { describeImport, importAtlas } from "../../../science/atlas/import.ts";
import { inspectH5ad } from "../../../science/atlas/inspect.ts";
import { readGroup } from "../../../science/atlas/read-group.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { describeWithPython, runPython } from "../../support/python.ts";
import { dense } from "../anndata-files.ts";
import { columnLayouts } from "./column-layouts.ts";
import { conditionLayouts, qualityLayouts, singleCellLayouts } from "./condition-layouts.ts";
import { amountLayouts, matrixLayouts } from "./measured-layouts.ts";
import { labelAmountLayouts, layerLayouts, mixedLayouts } from "./mixed-layouts.ts";
import { publicLayouts } from "./public-layouts.ts";
import { reportedLayouts } from "./reported-layouts.ts";
import { tellingLayouts } from "./telling-layouts.ts";
import { valueLayouts } from "./value-layouts.ts";
import type { Layout } from "./layout.ts";
import { countOf, GENES, PYTHON } from "./layout.ts";
import { harmonisedLayouts } from "./harmonised-layouts.ts";
import { pipelineLayouts } from "./pipeline-layouts.ts";
import { countLayouts, covariateLayouts, geneLayouts } from "./matrix-layouts.ts";

const layouts: readonly Layout[] = [
  ...columnLayouts,
  ...countLayouts,
  ...geneLayouts,
  ...covariateLayouts,
  ...reportedLayouts,
  ...labelAmountLayouts,
  ...mixedLayouts,
  ...layerLayouts,
  ...conditionLayouts,
  ...singleCellLayouts,
  ...qualityLayouts,
  ...valueLayouts,
  ...publicLayouts,
  ...tellingLayouts,
  ...amountLayouts,
  ...matrixLayouts,
  ...harmonisedLayouts,
  ...pipelineLayouts,
];
const imported = layouts.filter(({ expect: { refuses } }) => refuses === undefined);
const resolver = labelResolver(loadKnowledge());
const folder = mkdtempSync(join(tmpdir(), "haystack-layouts-"));
const pathOf = (name: string) => join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}.h5ad`);

describeWithPython("files as others lay them out are read as they are meant", () => {
  beforeAll(async () => {
    await runPython(PYTHON, {
      genes: GENES,
      layouts: layouts.map(({ name, make }) => ({ path: pathOf(name), make })),
    });
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(imported)("$name", async ({ name, options, expect: wanted }) => {
    const outDir = `${pathOf(name)}.atlas`;
    const index = await importAtlas({ source: pathOf(name), outDir, ...options }, resolver);
    expect(summaryOf(index, wanted)).toEqual(wantedOf(wanted));
    for (const pattern of wanted.warns ?? [])
      expect(index.warnings).toContainEqual(expect.stringMatching(pattern));
    if (wanted.silent !== undefined)
      expect(index.warnings.filter((warning) => wanted.silent?.test(warning))).toEqual([]);
    if (wanted.formula !== false) await checkCounts(outDir, index);
    if (options === undefined) {
      const { guessed } = await inspectH5ad(pathOf(name), resolver);
      expect(guessed).toMatchObject(JSON.parse(JSON.stringify(index.columns)) as object);
    }
  });

  it.each(layouts.filter(({ expect: { refuses } }) => refuses !== undefined))(
    "refused: $name",
    async ({ name, options, expect: { refuses } }) => {
      const described = describeImport({ source: pathOf(name), ...options }, resolver);
      await expect(described).rejects.toThrow(refuses);
    },
  );

  it.each([...mixedLayouts, ...conditionLayouts].filter(({ options }) => options === undefined))(
    "a look at the file says what an import would: $name",
    async ({ name, expect: { warns = [], silent } }) => {
      const { warnings } = await inspectH5ad(pathOf(name), resolver);
      for (const pattern of warns) expect(warnings).toContainEqual(expect.stringMatching(pattern));
      expect(warnings.filter((warning) => silent?.test(warning) === true)).toEqual([]);
    },
  );

  it.each(imported.filter(({ options }) => options === undefined))(
    "what was found can be told: $name",
    async ({ name }) => {
      const source = pathOf(name);
      const { guessed } = await inspectH5ad(source, resolver);
      const { perturbation, control_label, control_labels } = guessed;
      const told = {
        perturbation: perturbation ?? "",
        control_labels: control_labels ?? [control_label ?? ""],
      };
      const { columns } = await describeImport({ source, columns: told }, resolver);
      expect(columns).toMatchObject({ perturbation, control_label });
    },
  );

  it("each layout names where it was seen", async () => {
    // A page, not a collection: more than a repository, or than a site.
    const page =
      /^(?:own variation of )?https:\/\/(?:github\.com(?:\/[^/\s]+){3,}|(?!github)[^/\s]+\/\S+)$/;
    expect(layouts.map(({ seen }) => seen).filter((seen) => !page.test(seen))).toEqual([]);
    expect((await readdir(folder)).filter((file) => file.endsWith(".h5ad"))).toHaveLength(
      new Set(layouts.map(({ name }) => pathOf(name))).size,
    );
  });
});

function summaryOf(
  { columns, groups, n_cells, x_source, genes }: AtlasIndex,
  wanted: Layout["expect"],
) {
  const perturbed = groups.filter(({ is_control }) => !is_control);
  const byLabel = <Value>(read: (group: (typeof groups)[number]) => Value) =>
    Object.fromEntries(perturbed.map((group) => [group.perturbation, read(group)]));
  const all = {
    columns: Object.fromEntries(
      Object.keys(wanted.columns ?? {}).map((key) => [key, columns[key as keyof typeof columns]]),
    ),
    slot: x_source.slot,
    perturbations: sorted(perturbed.map(({ perturbation }) => perturbation)),
    controls: sorted(
      groups.filter(({ is_control }) => is_control).map(({ perturbation }) => perturbation),
    ),
    cellTypes: sorted(groups.map(({ cell_type }) => cell_type)),
    cellTypeIds: sorted(groups.map(({ cell_ontology_id }) => cell_ontology_id)),
    perturbationIds: byLabel(({ perturbation_id }) => perturbation_id),
    genetic: byLabel(({ genetic }) => genetic ?? null),
    genetics: sorted(
      perturbed.flatMap(({ genetic }) => (genetic === undefined ? [] : [JSON.stringify(genetic)])),
    ).map((text) => JSON.parse(text) as unknown),
    genes,
    covariates: sorted(perturbed.map(({ covariates }) => JSON.stringify(covariates ?? {}))),
    cells: n_cells,
  };
  return Object.fromEntries(Object.entries(all).filter(([key]) => key in wanted));
}

function wantedOf({ warns: _, silent: __, formula: ___, ...wanted }: Layout["expect"]) {
  return wanted;
}

function sorted<Value extends string | null>(values: readonly Value[]): Value[] {
  return [...new Set(values)].toSorted((a, b) => ((a ?? "") < (b ?? "") ? -1 : 1));
}

async function checkCounts(dir: string, { groups, genes }: AtlasIndex): Promise<void> {
  const position = new Map<string, number>(
    GENES.flatMap(([symbol, id], at) => [
      [symbol, at],
      [id, at],
    ]),
  );
  for (const group of groups) {
    const { counts, names } = await readGroup(dir, group);
    const rows = names.map((cell) => genes.map((gene) => countOf(cell, position.get(gene) ?? -1)));
    expect(dense(counts)).toEqual(rows);
  }
}
