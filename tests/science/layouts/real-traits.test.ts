import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { importAtlas, type ImportOptions } from "../../../science/atlas/import.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { KANG } from "../../support/data.ts";
import { describeWith } from "../../support/describe-with.ts";
import { runPython } from "../../support/python.ts";
import { DATA, PYTHON } from "../../support/real-parts.ts";

/**
 * Traits of other people's files, each given to the real cells of Kang 2018. What an import makes
 * of them is held against the original value by value, in Python.
 */

const COMMON = `
import json, sys, warnings
warnings.filterwarnings("ignore")
import anndata as ad, h5py, numpy as np, pandas as pd
told = json.loads(sys.argv[1])
def original(): return ad.read_h5ad(told["kang"])
`;

/** Writes NAME.h5ad with the trait, and NAME.json: what cell type and perturbation each cell has. */
const WRITE = `${COMMON}
rng = np.random.default_rng(0)
def case(name, change, perturbation=lambda a: a.obs["perturbation"], cell_type=lambda a: a.obs["cell_type"], after=None):
    a = original()
    before = a.copy()
    change(a)
    path = f"{told['folder']}/{name}.h5ad"
    a.write_h5ad(path)
    if after: after(path)
    labels = {n: [str(t), str(p)] for n, t, p in zip(a.obs_names, cell_type(a), perturbation(a)) if p is not None}
    json.dump(labels, open(f"{told['folder']}/{name}.json", "w"))
control = lambda a: (a.obs["perturbation"] == "control").values
IDS = {"CD14+ Monocytes": "CL:0001054", "FCGR3A+ Monocytes": "CL:0002396", "B cells": "CL:0000236", "CD4 T cells": "CL:0000624", "CD8 T cells": "CL:0000625"}
def obs(a, **columns): a.obs = pd.DataFrame({k: getattr(v, "values", v) for k, v in columns.items()}, index=a.obs_names)

def ids(a): a.obs["cell_type"] = pd.Categorical([IDS[t] for t in a.obs["cell_type"]])
case("ids", ids)
def screen(a): obs(a, target_gene=np.where(control(a), "non-targeting", rng.choice(["IFNB1", "STAT1"], a.n_obs)), cell_type=a.obs["cell_type"], donor_id=a.obs["donor_id"], perturbation_type=["CRISPRi"] * a.n_obs)
case("screen", screen, lambda a: a.obs["target_gene"])
def repeats(a):
    symbols = a.var_names.values.astype(object).copy(); symbols[200] = symbols[199]; symbols[300] = symbols[299]
    a.var = pd.DataFrame({"feature_name": pd.Categorical(symbols)}, index=a.var["ensembl_id"].values.astype(str))
case("repeats", repeats)
def halves(a): a.layers["denoised"] = np.asarray(a.X.todense(), dtype=np.float16)
case("halves", halves)
def doses(a):
    c = control(a)
    obs(a, perturbation=np.where(c, "control", "Dexamethasone"), dose_value=np.where(c, 0.0, rng.choice([10.0, 100.0, 1000.0, 10000.0], a.n_obs)), dose_unit=["nM"] * a.n_obs, celltype=a.obs["cell_type"], cell_line=["A549"] * a.n_obs, time=["24"] * a.n_obs)
case("doses", doses, cell_type=lambda a: a.obs["celltype"])
def missing(a): obs(a, treatment=pd.Categorical([None if c else "IFN-beta" for c in control(a)]), cell_type=a.obs["cell_type"], donor=a.obs["donor_id"].astype(float))
case("missing", missing, lambda a: ["control" if isinstance(v, float) else v for v in a.obs["treatment"]])
def numbers(a):
    a.var["gene_name"] = a.var_names.values
    a.var.index = [str(i) for i in range(a.n_vars)]
    obs(a, condition=np.where(control(a), "ctrl", "IFNB1+ctrl"), cell_type=a.obs["cell_type"])
case("numbers", numbers, lambda a: a.obs["condition"])
def coarse(a):
    c = control(a)
    obs(a, donor=[f"Donor{d}" for d in a.obs["donor_id"]], cytokine=np.where(c, "PBS", rng.choice(["IFN-beta", "IL-6"], a.n_obs)), treatment=np.where(c, "PBS", "cytokine"), cell_type=a.obs["cell_type"])
case("coarse", coarse, lambda a: a.obs["cytokine"])
def vehicles(a): a.obs["perturbation"] = pd.Categorical(np.where(control(a), rng.choice(["DMSO", "PBS"], a.n_obs), rng.choice(["IFN-beta", "Dexamethasone"], a.n_obs)))
case("vehicles", vehicles)
def counts(a): a.layers["counts"] = a.X.copy()
def null(path):
    with h5py.File(path, "a") as f:
        del f["X"]
        d = f.create_dataset("X", data=h5py.Empty("f4"))
        d.attrs["encoding-type"] = "null"; d.attrs["encoding-version"] = "0.1.0"
case("null", counts, after=null)
def labelled(a):
    c = control(a)
    obs(a, compound=np.where(c, "Vehicle", [f"Ruxolitinib_{k}uM" for k in rng.choice([0.1, 1.0, 10.0], a.n_obs)]), cell_type=a.obs["cell_type"], donor=a.obs["donor_id"])
case("labelled", labelled, lambda a: np.where(a.obs["compound"] == "Vehicle", "Vehicle", "Ruxolitinib"))
def zero(a): obs(a, treatment=["IFN-beta"] * a.n_obs, timepoint=np.where(control(a), "0h", rng.choice(["2h", "6h"], a.n_obs)), cell_type=a.obs["cell_type"], donor=a.obs["donor_id"])
case("zero", zero, lambda a: np.where(a.obs["timepoint"] == "0h", "control", "IFN-beta"))
def uncalled(a): obs(a, perturbation=np.where(np.arange(a.n_obs) % 4 == 0, "unassigned", a.obs["perturbation"]), cell_type=a.obs["cell_type"], donor=a.obs["donor_id"])
case("uncalled", uncalled, lambda a: [None if p == "unassigned" else p for p in a.obs["perturbation"]])
def ambient(a):
    other = a.X.copy(); other.data = np.maximum(1, rng.poisson(0.3, other.nnz)).astype("float32")
    a.layers["ambient_counts"] = other; a.layers["raw_counts"] = a.X.copy()
    X = np.asarray(a.X.todense()); a.X = ((X - X.mean(0)) / (X.std(0) + 1e-9)).astype("float32")
case("ambient", ambient)
print("{}")
`;

/** How many values and labels of the atlas differ from the original's; all cells have to be there. */
const COMPARE = `${COMMON}
index = json.load(open(f"{told['atlas']}/index.json"))
labels = json.load(open(told["labels"]))
a = original()
symbols = np.array(a.var_names, dtype=object)
if told["repeats"]: symbols[200] = symbols[199]; symbols[300] = symbols[299]
truth = pd.DataFrame(np.asarray(a.X.todense()), index=a.obs_names, columns=symbols).T.groupby(level=0).sum().T[index["genes"]]
seen, values, wrong_values, wrong_labels, shards = [], 0, 0, 0, {}
for group in index["groups"]:
    shard = shards.setdefault(group["shard"], ad.read_h5ad(f"{told['atlas']}/{group['shard']}"))
    part = shard[group["first_row"]:group["first_row"] + group["n_cells"]]
    X = np.asarray(part.X.todense()).astype("float64")
    values += X.size
    wrong_values += int((X != truth.loc[part.obs_names].values).sum())
    wrong_labels += sum(labels[name] != [group["cell_type"], group["perturbation"]] for name in part.obs_names)
    seen += list(part.obs_names)
print(json.dumps({"cells": len(seen), "distinct": len(set(seen)), "values": values, "wrong_values": wrong_values, "wrong_labels": wrong_labels, "of": len(labels)}))
`;

const loss = (gene: string) => ({ genes: [gene], effect: "loss" });

interface Trait {
  readonly name: string;
  readonly what: string;
  /** Of the index. */
  readonly index?: object;
  /** Of a group by what it was given. */
  readonly groups?: Readonly<Record<string, object>>;
  readonly covariates?: readonly string[];
  /** Of those that are imported; all unless said. */
  readonly cells?: number;
}

const TRAITS: readonly Trait[] = [
  {
    name: "ids",
    what: "Cell Ontology ids as cell types",
    groups: { "IFN-beta": { perturbation_id: "ifn-beta", cell_ontology_id: "CL:0001054" } },
  },
  {
    name: "screen",
    what: "a CRISPR target named as a cytokine",
    index: { columns: { perturbation: "target_gene", control_label: "non-targeting" } },
    groups: { IFNB1: { genetic: loss("IFNB1") }, STAT1: { genetic: loss("STAT1") } },
  },
  {
    name: "repeats",
    what: "Ensembl ids with repeated symbols",
    index: { n_genes: 1265, columns: { gene_symbols: "feature_name" } },
  },
  { name: "halves", what: "an unneeded layer of half floats", index: { x_source: { slot: "X" } } },
  {
    name: "doses",
    what: "four doses",
    index: { columns: { dose: "dose_value", dose_unit: "dose_unit", cell_type: "celltype" } },
    covariates: ["10 nM", "100 nM", "1000 nM", "10000 nM"],
  },
  {
    name: "missing",
    what: "controls without a label",
    index: { columns: { perturbation: "treatment", missing_is_control: true } },
  },
  {
    name: "numbers",
    what: "genes by number, symbols in a column",
    index: {
      n_genes: 1267,
      columns: { gene_symbols: "gene_name", perturbation: "condition", control_label: "ctrl" },
    },
  },
  {
    name: "coarse",
    what: "a treatment that is coarser than the cytokine",
    index: { columns: { perturbation: "cytokine", control_label: "PBS" } },
    groups: { "IL-6": { perturbation_id: "il-6" } },
  },
  {
    name: "vehicles",
    what: "two controls",
    groups: { DMSO: { is_control: true }, PBS: { is_control: true } },
  },
  { name: "null", what: "X that is null", index: { x_source: { slot: "layers/counts" } } },
  {
    name: "labelled",
    what: "doses in labels",
    index: { columns: { perturbation: "compound", dose: "compound" } },
    groups: { Ruxolitinib: { perturbation_id: "ruxolitinib" } },
    covariates: ["0.1 µM", "1 µM", "10 µM"],
  },
  {
    name: "zero",
    what: "controls by time zero",
    index: { columns: { zero_is_control: "time" } },
    groups: { "IFN-beta": { covariates: { time: "6h" } }, control: { is_control: true } },
  },
  { name: "uncalled", what: "cells of no known perturbation", cells: 1167 },
  {
    name: "ambient",
    what: "counts beside those of the ambient RNA",
    index: { x_source: { slot: "layers/raw_counts" } },
  },
];

describeWith(DATA, PYTHON)("real cells with the traits of other people's files", () => {
  let folder = "";
  const resolver = labelResolver(loadKnowledge());

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-traits-"));
    await runPython(WRITE, { kang: KANG, folder });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(TRAITS)(
    "$what",
    async ({ name, index: wanted, groups = {}, covariates, cells = 1556 }) => {
      const atlas = join(folder, `${name}-atlas`);
      const options: ImportOptions = { source: join(folder, `${name}.h5ad`), outDir: atlas };
      const index = await importAtlas(options, resolver);
      expect(index).toMatchObject(wanted ?? {});
      for (const [label, those] of Object.entries(groups))
        expect(index.groups.filter(({ perturbation }) => perturbation === label)).toContainEqual(
          expect.objectContaining(those),
        );
      if (covariates !== undefined)
        expect(
          [...new Set(index.groups.flatMap(({ covariates: own }) => own?.dose ?? []))].toSorted(),
        ).toEqual(covariates);
      const found = await runPython<Record<string, number>>(COMPARE, {
        kang: KANG,
        atlas,
        labels: join(folder, `${name}.json`),
        repeats: name === "repeats",
      });
      expect(found).toEqual({
        cells: found["of"],
        distinct: found["of"],
        values: found["of"]! * index.n_genes,
        wrong_values: 0,
        wrong_labels: 0,
        of: cells,
      });
    },
  );
});
