import type { Layout } from "./layout.ts";
import { GENES } from "./layout.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const SYMBOLS = GENES.map(([symbol]) => symbol);
const IDS = GENES.map(([, id]) => id);

/** Where the counts are, and what else lies beside them. */
export const countLayouts: readonly Layout[] = [
  {
    name: "log1p in X beside a 0/1 layer",
    seen: "https://github.com/scverse/scanpy/issues/2239",
    make: `${TREATED}; a.X = sp.csr_matrix(log1p(counts)); a.layers["expressed"] = sp.csr_matrix((counts > 0).astype(np.float32))`,
    expect: { slot: "X", warns: [/layers\/expressed holds only 0 and 1 and was not/] },
  },
  {
    name: "log1p in X beside ranks",
    seen: "own variation of https://github.com/chanzuckerberg/cellxgene-census/issues/727",
    make: `${TREATED}; a.X = sp.csr_matrix(log1p(counts)); a.layers["ranks"] = counts.argsort(axis=1).argsort(axis=1).astype(np.float32)`,
    expect: { slot: "X", warns: [/layers\/ranks holds whole numbers and was not/] },
  },
  {
    name: "scGPT: log1p in X beside bins, counts in their layer",
    seen: "https://github.com/bowang-lab/scGPT/blob/main/scgpt/preprocess.py",
    make: `${TREATED}; a.X = log1p(counts); a.layers["X_binned"] = np.minimum(counts, 5); a.layers["counts"] = sp.csr_matrix(counts)`,
    expect: { slot: "layers/counts" },
  },
  {
    name: "a 0/1 matrix in X, counts in raw",
    seen: "https://github.com/scverse/anndata/issues/1000",
    make: `${TREATED}; a.raw = a; a.X = (counts > 0).astype(np.float32)`,
    expect: { slot: "raw/X", warns: [/raw\/X was taken for the counts; X holds only 0 and 1/] },
  },
  {
    name: "scaled X, counts in a layer of another name",
    seen: "https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["RNA"] = sp.csr_matrix(counts); a.X = counts - counts.mean(axis=0)`,
    expect: {
      slot: "layers/RNA",
      warns: [/layers\/RNA were taken as counts, though its name does not say so/],
    },
  },
  {
    name: "a half-float layer and half floats in uns",
    seen: "https://github.com/scverse/anndata/issues/1117",
    make: `${TREATED}; a.layers["denoised"] = counts.astype(np.float16); a.uns["odd"] = {"half": np.ones(3, dtype=np.float16), "table": pd.DataFrame({"x": [1, 2]})}; a.obs["dose16"] = np.ones(48, dtype=np.float32)
def after(path):
    with h5py.File(path, "a") as f:
        del f["obs/dose16"]; f["obs/dose16"] = np.ones(48, dtype=np.float16)`,
    expect: { slot: "X", cells: 48 },
  },
  {
    name: "a layer of text",
    seen: "https://github.com/scverse/anndata/issues/1117",
    make: `${TREATED}
def after(path):
    with h5py.File(path, "a") as f:
        f.create_dataset("layers/calls", data=np.full((48, 30), b"ref"))`,
    expect: { slot: "X" },
  },
  {
    name: "an empty X (null)",
    seen: "https://github.com/scverse/anndata/issues/2052",
    make: `${TREATED}; a.layers["counts"] = a.X.copy()
def after(path):
    with h5py.File(path, "a") as f:
        del f["X"]; d = f.create_dataset("X", data=h5py.Empty("f4")); d.attrs["encoding-type"] = "null"; d.attrs["encoding-version"] = "0.1.0"`,
    expect: { slot: "layers/counts" },
  },
  {
    name: "an encoding nobody knows",
    seen: "https://github.com/scverse/anndataR/issues/302",
    make: `${TREATED}
def after(path):
    with h5py.File(path, "a") as f:
        g = f.create_group("layers/awk"); g.attrs["encoding-type"] = "awkward-array"; g.attrs["encoding-version"] = "0.1.0"
        o = f["obs"].create_group("odd"); o.attrs["encoding-type"] = "future-array"; o.attrs["encoding-version"] = "9.9"
        f["obs"].attrs["column-order"] = list(f["obs"].attrs["column-order"]) + ["odd"]`,
    expect: { slot: "X" },
  },
  {
    name: "raw log1p under scaled X",
    seen: "https://github.com/theislab/scanpy_usage/tree/master/170505_seurat",
    make: `${TREATED}; a.X = log1p(counts); a.raw = a; a.X = counts - counts.mean(axis=0)`,
    expect: { slot: "raw/X", warns: [/recovered from the log-normalised values of raw\/X/] },
  },
];

/** What the genes are called. */
export const geneLayouts: readonly Layout[] = [
  {
    name: "GEARS: numbered index, gene_name",
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `${TREATED}; a.var["gene_name"] = a.var_names.values; a.var.index = [str(k) for k in range(30)]`,
    expect: { columns: { gene_symbols: "gene_name" }, genes: SYMBOLS },
  },
  {
    name: "Stereopy: real_gene_name behind Ensembl ids",
    seen: "https://github.com/STOmics/Stereopy/issues/446",
    make: `${TREATED}; a.var = pd.DataFrame({"real_gene_name": a.var_names.values, "n_cells": 3}, index=a.var["ensembl_id"].values)`,
    expect: { columns: { gene_symbols: "real_gene_name" }, genes: SYMBOLS },
  },
  {
    name: "CELLxGENE: feature_name, two symbols repeated",
    seen: "https://github.com/chanzuckerberg/single-cell-curation/issues/584",
    make: `${TREATED}; s = np.array(names, dtype=object); s[5] = s[4]; a.var = pd.DataFrame({"feature_name": pd.Categorical(s), "feature_reference": "NCBITaxon:9606", "feature_biotype": "gene"}, index=list(ids))`,
    expect: {
      columns: { gene_symbols: "feature_name" },
      genes: SYMBOLS.filter((symbol) => symbol !== "B2M"),
      formula: false,
      warns: [/1 gene symbols occur more than once \(GAPDH\); their counts were added up/],
    },
  },
  {
    name: "CELLxGENE: repeated symbols kept by id",
    seen: "https://github.com/scverse/scanpy/issues/1719",
    make: `${TREATED}; s = np.array(names, dtype=object); s[5] = s[4]; a.var = pd.DataFrame({"feature_name": s}, index=list(ids))`,
    options: { repeatedGenes: "keep" },
    expect: {
      genes: GENES.map(([symbol, id]) => (symbol === "GAPDH" || symbol === "B2M" ? id : symbol)),
    },
  },
  {
    name: "symbols in a column of no usual name",
    seen: "https://github.com/maximilianh/cellBrowser/pull/217",
    make: `${TREATED}; a.var = pd.DataFrame({"chromosome": "chr1", "gene_biotype": "protein_coding", "Approved label": a.var_names.values}, index=a.var["ensembl_id"].values)`,
    expect: { columns: { gene_symbols: "Approved label" }, genes: SYMBOLS },
  },
  {
    name: "Ensembl ids alone",
    seen: "https://github.com/chanzuckerberg/cellxgene/issues/2606",
    make: `${TREATED}; a.var = pd.DataFrame(index=[f"{k}.4" for k in ids])`,
    expect: {
      columns: { gene_symbols: null },
      genes: IDS.map((id) => `${id}.4`),
      formula: false,
      warns: [/are Ensembl ids, so the biology of a run on this atlas cannot be judged/],
    },
  },
  {
    name: "names of no gene",
    seen: "https://github.com/martinjzhang/scDRS/issues/91",
    make: `${TREATED}; a.var.index = [f"Q{k}X" for k in range(30)]; a.var = a.var[[]]`,
    expect: { formula: false, warns: [/are no known gene symbols, so the biology/] },
  },
  {
    name: "genome in front of the symbol",
    seen: "own variation of https://github.com/scverse/scanpy/issues/2246",
    make: `${TREATED}; a.var = pd.DataFrame(index=[f"GRCh38_{k}" for k in names])`,
    expect: { genes: SYMBOLS, warns: [/shortened to the symbol/] },
  },
  {
    name: "mouse symbols behind mouse ids",
    seen: "https://github.com/scverse/scanpy/issues/455",
    make: `${TREATED}; a.var = pd.DataFrame({"gene_name": [k.capitalize() for k in names]}, index=[f"ENSMUSG{k:011d}" for k in range(30)])`,
    expect: { columns: { gene_symbols: "gene_name" }, formula: false, silent: /cannot be judged/ },
  },
  {
    name: "raw genes named by id, symbols in var",
    seen: "https://github.com/czbiohub-sf/tabula-muris-senis/issues/39",
    make: `${TREATED}; a.var = pd.DataFrame({"feature_name": list(names)}, index=list(ids)); a.raw = a; a.raw.var.drop(columns="feature_name", inplace=True); a.X = counts - counts.mean(axis=0)`,
    expect: { slot: "raw/X", columns: { gene_symbols: "feature_name" }, genes: SYMBOLS },
  },
];

/** Doses and times. */
export const covariateLayouts: readonly Layout[] = [
  {
    name: "sci-Plex in scPerturb: doses in nM",
    seen: "https://github.com/facebookresearch/CPA/issues/4",
    make: `n = np.arange(48); usual(a, perturbation=np.where(c, "control", "Dexamethasone"), dose_value=np.where(c, 0.0, np.where(n % 8 < 4, 10.0, 10000.0)), dose_unit="nM", perturbation_type="drug", nperts=np.where(c, 0, 1), time="24")`,
    expect: {
      columns: { dose: "dose_value", dose_unit: "dose_unit", time: "time" },
      covariates: [`{"dose":"10 nM","time":"24"}`, `{"dose":"10000 nM","time":"24"}`],
      perturbations: ["Dexamethasone"],
      controls: ["control"],
      silent: /no control group/,
      warns: [/perturbed cells have 2 doses/],
    },
  },
  {
    name: "sci-CAR: times in hours",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE117089",
    make: `n = np.arange(48); usual(a, perturbation=np.where(c, "control", "dexamethasone"), time_h=np.where(c, 0.0, np.where(n % 8 < 4, 1.0, 3.0)))`,
    expect: {
      covariates: [`{"time":"1 h"}`, `{"time":"3 h"}`],
      silent: /no control group/,
      warns: [/perturbed cells have 2 times/],
    },
  },
  {
    name: "a control for each time",
    seen: "own variation of https://doi.org/10.1038/s41467-020-17440-w",
    make: `n = np.arange(48); usual(a, treatment=np.where(c, "DMSO", "Trametinib"), time_point=np.where(n // 4 % 2 == 0, "6hr", "24hr"))`,
    expect: { covariates: [`{"time":"24hr"}`, `{"time":"6hr"}`], silent: /no control group/ },
  },
];
