import { join } from "node:path";
import { expect, it } from "vitest";
import type { ImportOptions } from "../../../science/atlas/import.ts";
import { importAtlas } from "../../../science/atlas/import.ts";
import { describeWithPython, runPython } from "../../support/python.ts";
import { temporaryFolder } from "../anndata-files.ts";
import { GENES, PYTHON } from "./layout.ts";

const nothingKnown = { cellOntologyId: () => null, perturbationId: () => null };
const USUAL = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;

interface Refused {
  readonly name: string;
  readonly make: string;
  /** How it was refused, where that takes an option. */
  readonly first?: Partial<ImportOptions>;
  /** What the message has to advise. */
  readonly advises: RegExp;
  /** The advice followed: on the command line, or in Python on the adata that was refused. */
  readonly options?: Partial<ImportOptions>;
  readonly python?: string;
}

const refused: readonly Refused[] = [
  {
    name: "no cell type",
    make: `a.obs = pd.DataFrame({"perturbation": arm(a, "control", "A", "B")}, index=a.obs_names)`,
    advises: /say with --cell-type-of-all what all its cells are/,
    options: { cellType: "K562" },
  },
  {
    name: "cells by numbers alone",
    make: `a.obs = pd.DataFrame({"perturbation": arm(a, "control", "A", "B"), "cell": np.arange(48) // 6}, index=a.obs_names)`,
    advises: /say with --cell-type-of-all what all its cells are/,
    options: { cellType: "K562" },
  },
  {
    name: "no perturbation column",
    make: `usual(a, odd=arm(a, "control", "A", "B"))`,
    advises: /--perturbation-column/,
    options: { columns: { perturbation: "odd" } },
  },
  {
    name: "no label of a control",
    make: `usual(a, perturbation=arm(a, "x", "A", "B"))`,
    advises: /name the control with --control-label \(values: x, A, B\)/,
    options: { columns: { control_labels: ["x"] } },
  },
  ...["day", "days", "dpi", "minutes", "time_days"].map((column): Refused => ({
    name: `no label of a control beside ${column} 0, of which nobody says since when`,
    make: `usual(a, treatment=arm(a, "x", "A", "B"), ${column}=np.where(c, 0, 14))`,
    advises: /name the control with --control-label \(values: x, A, B\)/,
    options: { columns: { control_labels: ["x"] } },
  })),
  {
    name: "normalised values",
    make: `${USUAL}; a.X = sp.csr_matrix(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4)`,
    advises: /scanpy\.pp\.log1p\(adata\)/,
    python: `import scanpy; scanpy.pp.log1p(adata)`,
  },
  {
    name: "estimated counts",
    make: `${USUAL}; a.X = sp.csr_matrix(counts * 5 + (counts > 0) * 0.25)`,
    advises: /adata\.X = numpy\.rint\(adata\.X\)/,
    python: `import numpy; adata.X = numpy.rint(adata.X)`,
  },
  ...["ambient", "empty_drops", "unspliced", "adt"].map((what): Refused => ({
    name: `scaled values beside ${what} counts`,
    make: `${USUAL}; a.layers["${what}_counts"] = sp.csr_matrix(counts); a.X = counts - counts.mean(axis=0)`,
    advises: new RegExp(`counts something else by its name;.*--layer ${what}_counts`),
    options: { layer: `${what}_counts` },
  })),
  {
    name: "one value for all cells",
    make: `usual(a, treatment="IFN-beta", arm=arm(a, "none", "x", "y"))`,
    advises: /has the one value "IFN-beta", so no cell of it is a control;.*--perturbation-column/,
    options: { columns: { perturbation: "arm" } },
  },
  {
    name: "a value that is not there",
    make: USUAL,
    first: { only: { perturbation: ["ctrl"] } },
    advises: /Column "perturbation" has no value "ctrl"; its values are: control/,
    options: { only: { perturbation: ["control", "IFN-beta", "IL-6"] } },
  },
  {
    name: "treated cells of another genotype than all controls",
    make: `usual(a, genotype=np.where(c, "WT", "STAT1 KO"), treatment=np.where(c, "untreated", "IFN-beta"))`,
    advises: /differ in genotype .*--only "genotype=WT" --only "genotype=STAT1 KO"/,
    options: { only: { genotype: ["WT", "STAT1 KO"] } },
  },
  {
    name: "square roots",
    make: `${USUAL}; a.X = sp.csr_matrix(np.sqrt(np.minimum(counts, 2)).astype("float32"))`,
    advises: /X holds square roots of whole numbers;.*adata\.X = adata\.X\.power\(2\)/,
    python: `adata.X = adata.X.power(2)`,
  },
  {
    name: "another transform of few distinct counts",
    make: `${USUAL}; a.X = sp.csr_matrix(log1p(log1p(np.where(counts == 0, 0, 1 + (counts > 3)))))`,
    advises:
      /begin above one in many cells, as they do after other transforms; keep the raw counts/,
    python: `import numpy; adata.layers["counts"] = adata.X.copy(); adata.layers["counts"].data = numpy.float32(numpy.arange(adata.X.nnz) % 3 + 1)`,
  },
  {
    name: "half floats alone",
    make: `${USUAL}; a.X = counts.astype(np.float16)`,
    advises: /\.astype\("float32"\)/,
    python: `adata.X = adata.X.astype("float32")`,
  },
  {
    name: "missing values",
    make: `${USUAL}; a.X = np.where(counts == 6, np.nan, counts).astype(np.float32)`,
    advises: /numpy\.nan_to_num/,
    python: `import numpy; adata.X = numpy.nan_to_num(adata.X)`,
  },
  {
    name: "missing values of a sparse matrix",
    make: `${USUAL}; a.X = sp.csr_matrix(np.where(counts == 6, np.nan, counts).astype(np.float32))`,
    advises: /numpy\.nan_to_num\(adata\.X\.data\)/,
    python: `import numpy; adata.X.data = numpy.nan_to_num(adata.X.data)`,
  },
  {
    name: "repeated symbols that are refused",
    make: `${USUAL}; s = np.array(names, dtype=object); s[5] = s[4]; a.var = pd.DataFrame({"feature_name": s}, index=list(ids))`,
    first: { repeatedGenes: "refuse" },
    advises: /--repeated-genes sum/,
    options: { repeatedGenes: "sum" },
  },
];

describeWithPython("the advice of a refusal, followed on the very file, leads to an import", () => {
  it.each(refused)("$name", async ({ make, first = {}, advises, options = {}, python }) => {
    const folder = await temporaryFolder();
    const source = join(folder, "in.h5ad");
    await runPython(PYTHON, { genes: GENES, layouts: [{ path: source, make }] });
    const attempt = (more: Partial<ImportOptions>) =>
      importAtlas({ source, outDir: join(folder, "atlas"), ...more }, nothingKnown);
    await expect(attempt(first)).rejects.toThrow(advises);
    if (python !== undefined)
      await runPython(
        `import json, sys, warnings, anndata\nwarnings.simplefilter("ignore")\npath = json.loads(sys.argv[1])["source"]\nadata = anndata.read_h5ad(path)\n${python}\nadata.write_h5ad(path)\nprint("{}")`,
        { source },
      );
    expect((await attempt(options)).n_cells).toBe(48);
  });
});
