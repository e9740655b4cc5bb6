import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { importAtlas } from "../../../science/atlas/import.ts";
import { inspectH5ad } from "../../../science/atlas/inspect.ts";
import { readGroup } from "../../../science/atlas/read-group.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { describeWithPython, runPython } from "../../support/python.ts";
import { GENES, PYTHON } from "./layout.ts";

const resolver = labelResolver(loadKnowledge());

interface Confounded {
  readonly column: string;
  readonly make: string;
}

/** The treatment and something else differ between the same cells. */
const confounded: readonly Confounded[] = [
  {
    column: "genotype",
    make: `usual(a, genotype=np.where(c, "WT", "STAT1 KO"), treatment=np.where(c, "untreated", "IFN-beta"))`,
  },
  {
    column: "knockout",
    make: `usual(a, knockout=np.where(c, "none", "KO"), treatment=arm(a, "untreated", "IFN-beta", "IL-6"))`,
  },
  {
    column: "mouse_strain",
    make: `usual(a, mouse_strain=np.where(c, "C57BL/6", "BALB/c"), drug=arm(a, "DMSO", "Trametinib", "Dexamethasone"))`,
  },
  {
    column: "stimulation",
    make: `usual(a, gene=arm(a, "NT", "STAT1", "JAK2"), stimulation=np.where(c, "unstim", "IFN-gamma"))`,
  },
  {
    column: "perturbation_2",
    make: `usual(a, perturbation=arm(a, "non-targeting", "STAT1", "JAK2"), perturbation_2=np.where(c, "Control", "IFNγ"))`,
  },
  {
    column: "cytokine",
    make: `usual(a, drug=arm(a, "DMSO", "Trametinib", "Dexamethasone"), cytokine=pd.Categorical([None if x else "TNF" for x in c]))`,
  },
];

describeWithPython("what else was done to cells", () => {
  const folder = mkdtempSync(join(tmpdir(), "haystack-conditions-"));
  const pathOf = (name: string) => join(folder, `${name}.h5ad`);

  beforeAll(async () => {
    const crossed = `n = np.arange(48); usual(a, genotype=np.where(c == (n // 4 % 4 == 0), "KO", "WT"), treatment=np.where(c, "untreated", "IFN-beta")); a.obs_names = [f"{g}-{k}" for k, g in enumerate(a.obs["genotype"])]`;
    await runPython(PYTHON, {
      genes: GENES,
      layouts: [
        { path: pathOf("crossed"), make: crossed },
        ...confounded.map(({ column, make }) => ({ path: pathOf(column), make })),
      ],
    });
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("sets groups apart, each compared with control cells of its own", async () => {
    const outDir = join(folder, "crossed");
    const { groups } = await importAtlas({ source: pathOf("crossed"), outDir }, resolver);
    const byId = new Map(groups.map((group) => [group.group_id, group]));
    const genotypes = async (id: string): Promise<string[]> => {
      const { names } = await readGroup(outDir, byId.get(id)!);
      return [...new Set(names.map((name) => name.slice(0, 2)))];
    };
    const treated = groups.filter(({ is_control }) => !is_control);
    expect(treated).toHaveLength(8);
    for (const { group_id, control_group_id, other_conditions } of treated) {
      const own = await genotypes(group_id);
      expect(own).toEqual(other_conditions?.["genotype"]);
      expect(await genotypes(control_group_id!)).toEqual(own);
    }
  });

  it.each(confounded)(
    "is refused where it is $column, and no control cell has it",
    async ({ column }) => {
      const source = pathOf(column);
      const said = new RegExp(`differ in ${column} .* cannot be told from what ${column} does`);
      const outDir = join(folder, column);
      await expect(importAtlas({ source, outDir }, resolver)).rejects.toThrow(said);
      const { warnings } = await inspectH5ad(source, resolver);
      expect(warnings).toContainEqual(expect.stringMatching(said));
    },
  );
});
