import type { Layout } from "./layout.ts";

const FRANGIEH = "https://singlecell.broadinstitute.org/single_cell/study/SCP1064";
const OWN = "own variation of https://github.com/scverse/pertpy/pull/945";
const DOSES = "own variation of https://github.com/facebookresearch/CPA/issues/4";

/** What else was done to cells, and cells that were given nothing of what their label names. */
export const conditionLayouts: readonly Layout[] = [
  {
    name: "Frangieh: a second condition crosses the genes",
    seen: FRANGIEH,
    make: `usual(a, perturbation=arm(a, "control", "STAT1", "JAK2"), perturbation_2=np.array(["Control", "IFNγ", "Co-culture"])[np.arange(48) // 4 % 3], perturbation_type="CRISPR")`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "control" },
      perturbations: ["JAK2", "STAT1"],
      cells: 48,
      warns: [/perturbation_2 .* compared with control cells of the same value/],
      silent: /no control group|left out/,
    },
  },
  {
    name: "controls of one genotype, treated cells of two",
    seen: OWN,
    make: `usual(a, genotype=np.where(c | (np.arange(48) % 8 < 4), "WT", "STAT1 KO"), treatment=np.where(c, "untreated", "IFN-beta"))`,
    expect: {
      cells: 36,
      perturbations: ["IFN-beta"],
      warns: [/12 perturbed cells were left out, as no control cell.*genotype \(STAT1 KO\)/],
    },
  },
  {
    name: "a second drug given to some of the treated cells",
    seen: OWN,
    make: `usual(a, cytokine=arm(a, "PBS", "IFN-beta", "IFN-beta"), inhibitor=arm(a, "DMSO", "DMSO", "Ruxolitinib"))`,
    expect: {
      cells: 36,
      perturbations: ["IFN-beta"],
      warns: [/12 perturbed cells were left out.*inhibitor \(Ruxolitinib\)/],
    },
  },
  {
    name: "columns that call the treatment otherwise",
    seen: OWN,
    make: `usual(a, treatment=arm(a, "untreated", "IFN-beta", "TNF"), stim=np.where(c, "unstim", "stim"), condition=np.where(c, "ctrl", "case"), group=np.where(c, "A", "B"), cytokine_name=arm(a, None, "IFNB1", "TNF-alpha"))`,
    expect: { cells: 48, perturbations: ["IFN-beta", "TNF"], silent: /splits|left out/ },
  },
  {
    name: "infected cells of a culture that was given a virus",
    seen: OWN,
    make: `usual(a, perturbation=np.where(c, "mock", "SARS-CoV-2"), infected=np.where(c | (np.arange(48) % 8 < 4), "False", "True"))`,
    expect: { cells: 48, warns: [/infected .* cells of all its values are pooled/] },
  },
  {
    name: "guides that are wrong in a few cells",
    seen: "own variation of https://satijalab.org/seurat/articles/mixscape_vignette",
    make: `usual(a, gene=arm(a, "NT", "STAT1", "JAK2"), guide_ID=np.where(np.arange(48) % 12 == 6, "NTg1", arm(a, "NTg1", "STAT1g2", "JAK2g1")))`,
    expect: { cells: 48, perturbations: ["JAK2", "STAT1"], silent: /left out/ },
  },
  {
    name: "cells of two species in one group",
    seen: "own variation of https://www.10xgenomics.com/datasets/20k-hgmm-3p-ht-v-3-1-3-1-standard-6-1-0",
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"), organism=np.where(np.arange(48) // 4 % 3 == 0, "Mus musculus", "Homo sapiens"))`,
    expect: { cells: 48, warns: [/organism .* compared with control cells of the same value/] },
  },
  {
    name: "a disease of treated cells alone",
    seen: OWN,
    make: `usual(a, perturbation=np.where(c, "control", "IFN-beta"), disease=np.where(c, "normal", "lupus"))`,
    expect: { warns: [/disease .* all perturbed cells differ in it from all control cells/] },
  },
  {
    name: "dose zero under the name of the drug",
    seen: DOSES,
    make: `usual(a, perturbation=np.where(np.arange(48) % 4 < 1, "control", "Dexamethasone"), dose_value=np.where(c, 0.0, 10.0), dose_unit="uM"); a.obs["cell_type"] = np.where(np.arange(48) // 4 % 2 == 0, "T cells", "B cells")`,
    expect: {
      cells: 48,
      perturbations: ["Dexamethasone"],
      controls: ["control"],
      covariates: ['{"dose":"10 µM"}'],
      warns: [/12 cells given Dexamethasone at dose zero were taken as controls/],
    },
  },
  {
    name: "logarithms of doses, of which zero is one",
    seen: DOSES,
    make: `usual(a, perturbation=np.where(c, "control", "Dexamethasone"), dose=np.where(c, np.nan, np.where(np.arange(48) % 8 < 4, -2.0, 0.0)))`,
    expect: {
      covariates: ['{"dose":"-2"}', '{"dose":"0"}'],
      silent: /taken as controls|left out/,
    },
  },
  {
    name: "who treated the cells, under which number",
    seen: OWN,
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"), treated_by=np.where(np.arange(48) < 24, "AB", "CD"), condition_id=np.char.add("id", (np.arange(48) % 3).astype(str)))`,
    expect: {
      cells: 48,
      warns: [/condition_id .* cells of all its values are pooled/],
      silent: /left out/,
    },
  },
  {
    name: "dose zero where doses say nothing",
    seen: DOSES,
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "Dexamethasone"), dose_value=arm(a, 0.0, 0.0, 10.0), dose_unit="uM")`,
    expect: {
      perturbations: ["Dexamethasone", "IFN-beta"],
      warns: [/12 cells given IFN-beta have dose zero and no others more/],
    },
  },
];

/** Cells that another column calls no single cells, or not good. */
export const singleCellLayouts: readonly Layout[] = [
  ["predicted_doublet", "n % 6 == 0", "True: 8"],
  [
    "is_doublet",
    `pd.array([None if k == 5 else k % 6 == 0 for k in n], dtype="boolean")`,
    "true: 8",
  ],
  ["scDblFinder.class", `np.where(n % 6 == 0, "doublet", "singlet")`, "doublet: 8"],
  ["DF.classifications_0.25_0.09_913", `np.where(n % 6 == 0, "Doublet", "Singlet")`, "Doublet: 8"],
  [
    "HTO_classification.global",
    `np.where(n % 12 == 0, "Doublet", np.where(n % 12 == 6, "Negative", "Singlet"))`,
    "Doublet: 4, Negative: 4",
  ],
  [
    "cell_quality",
    `np.where(n % 12 == 0, "doublet", np.where(n % 12 == 6, "empty droplet", "normal"))`,
    "doublet: 4, empty droplet: 4",
  ],
].map(([column, values, said]): Layout => ({
  name: `doublets by ${column}`,
  seen: "own variation of https://satijalab.org/seurat/articles/hashing_vignette",
  make: `n = np.arange(48); usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"), **{"${column}": ${values}})`,
  expect: {
    cells: 40,
    perturbations: ["IFN-beta", "IL-6"],
    warns: [new RegExp(`8 cells were left out.*no single cells by .*\\(${said}\\)`, "i")],
  },
}));

export const qualityLayouts: readonly Layout[] = [
  {
    name: "controls of some times alone",
    seen: DOSES,
    make: `n = np.arange(48); usual(a, perturbation=np.where(c, "control", "IFN-beta"), time_h=np.where(c, np.where(n < 24, 0, 24), np.where(n % 8 < 4, 6, 24)))`,
    expect: { warns: [/6 perturbed groups have no control cells of their time .*6 h with 0 h/] },
  },
  {
    name: "normalised values, rounded",
    seen: "own variation of https://github.com/scverse/scanpy/issues/1333",
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6")); a.X = sp.csr_matrix(np.rint(counts / counts.sum(1, keepdims=True) * 1e4).astype("float32"))`,
    expect: {
      formula: false,
      warns: [/All cells have about 1000\d counts by X, as values have that were/],
    },
  },
  {
    name: "scPerturb: doses and times without a unit",
    seen: DOSES,
    make: `usual(a, perturbation=np.where(c, "control", "Dexamethasone"), dose=arm(a, 0, 10, 100), time=24)`,
    expect: {
      covariates: ['{"dose":"10","time":"24"}', '{"dose":"100","time":"24"}'],
      warns: [/No unit of the doses 10, 100 is known/, /No unit of the times 24 is known/],
    },
  },
  {
    name: "Tahoe: cells that pass few filters",
    seen: "https://huggingface.co/datasets/tahoebio/Tahoe-100M",
    make: `usual(a, drug=arm(a, "DMSO_TF", "Dexamethasone", "Trametinib"), pass_filter=np.where(np.arange(48) % 6 == 0, "minimal", "full"))`,
    expect: { cells: 48, warns: [/8 cells are not good by pass_filter \(minimal\) and were kept/] },
  },
  {
    name: "a column that calls most cells doublets",
    seen: "own variation of https://satijalab.org/seurat/articles/hashing_vignette",
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"), doublet=np.arange(48) % 6 != 0)`,
    expect: { cells: 48 },
  },
];
