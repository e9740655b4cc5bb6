import type { Layout } from "./layout.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const SCALED = "a.X = counts - counts.mean(axis=0)";

/** Doses and times inside of labels, and controls that only a zero marks. */
export const labelAmountLayouts: readonly Layout[] = [
  {
    name: "doses in labels with their unit",
    seen: "https://github.com/facebookresearch/CPA/issues/4",
    make: `usual(a, compound=arm(a, "Vehicle", "Ruxolitinib_0.1uM", "Ruxolitinib_10.0uM"))`,
    expect: {
      columns: { perturbation: "compound", control_label: "Vehicle", dose: "compound" },
      perturbations: ["Ruxolitinib"],
      covariates: ['{"dose":"0.1 µM"}', '{"dose":"10 µM"}'],
      warns: [/2 labels of compound hold doses or times.*became Ruxolitinib, dose/],
    },
  },
  {
    name: "doses before and behind names, in several units",
    seen: "own variation of https://github.com/facebookresearch/CPA/issues/4",
    make: `usual(a, treatment=arm(a, "PBS", "TNF 10 ng/ml", "0.2 uM panobinostat"))`,
    expect: {
      perturbations: ["TNF", "panobinostat"],
      perturbationIds: { TNF: "tnf", panobinostat: "panobinostat" },
      covariates: ['{"dose":"0.2 µM"}', '{"dose":"10 ng/ml"}'],
    },
  },
  {
    name: "doses behind @ and in brackets",
    seen: "own variation of https://github.com/laminlabs/lamindb/issues/3101",
    make: `usual(a, drug=arm(a, "DMSO", "Dexamethasone@100nM", "Dexamethasone (1 µM)"))`,
    expect: {
      perturbations: ["Dexamethasone"],
      covariates: ['{"dose":"1 µM"}', '{"dose":"100 nM"}'],
    },
  },
  {
    name: "doses in labels without a unit",
    seen: "own variation of https://github.com/facebookresearch/CPA/issues/4",
    make: `usual(a, drug=arm(a, "DMSO", "dexamethasone_0.1", "dexamethasone_10"))`,
    expect: {
      perturbations: ["dexamethasone"],
      covariates: ['{"dose":"0.1"}', '{"dose":"10"}'],
    },
  },
  {
    name: "times in labels, the controls' too",
    seen: "own variation of https://github.com/laminlabs/lamindb/issues/3101",
    make: `n = np.arange(48); t = np.where(n // 4 % 2 == 0, "6h", "24h"); usual(a, stimulation=np.where(c, np.char.add("ctrl_", t), np.char.add("IFN-beta_", t)))`,
    expect: {
      perturbations: ["IFN-beta"],
      covariates: ['{"time":"24 h"}', '{"time":"6 h"}'],
      silent: /no control group/,
    },
  },
  {
    name: "dose and time in one label",
    seen: "own variation of https://github.com/laminlabs/lamindb/issues/3101",
    make: `usual(a, stimulus=arm(a, "unstimulated", "LPS_100ng/ml_4h", "LPS_10ng/ml_day1"))`,
    expect: {
      perturbations: ["LPS"],
      covariates: ['{"dose":"10 ng/ml","time":"1 d"}', '{"dose":"100 ng/ml","time":"4 h"}'],
    },
  },
  {
    name: "numbers of guides, genes and compounds are no doses",
    seen: "https://github.com/satijalab/seurat/issues/4716",
    make: `usual(a, treatment=np.where(c, "control", np.array(["IL-6", "IL-10", "STAT1_1", "STAT1_2", "PD_0325901", "PD_98059"])[np.arange(48) % 6]))`,
    expect: {
      perturbations: ["IL-10", "IL-6", "PD_0325901", "PD_98059", "STAT1_1", "STAT1_2"],
      covariates: ["{}"],
      silent: /hold doses/,
    },
  },
  {
    name: "a control known by time zero alone",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE117089",
    make: `usual(a, treatment="IFN-beta", timepoint=arm(a, "0h", "2h", "6h"))`,
    expect: {
      columns: { perturbation: "treatment", control_label: "control", zero_is_control: "time" },
      perturbations: ["IFN-beta"],
      controls: ["control"],
      covariates: ['{"time":"2h"}', '{"time":"6h"}'],
      cells: 48,
      warns: [/those at time zero by timepoint were taken as controls/],
    },
  },
  {
    name: "a control known by dose zero alone",
    seen: "own variation of https://github.com/facebookresearch/CPA/issues/4",
    make: `usual(a, drug=np.where(a.obs["from"] == "d1", "Ruxolitinib", "Dexamethasone"), dose_uM=np.where(c, 0.0, np.where(a.obs["arm"] == "A", 0.1, 10.0)))`,
    expect: {
      columns: { perturbation: "drug", zero_is_control: "dose" },
      perturbations: ["Dexamethasone", "Ruxolitinib"],
      controls: ["control"],
      covariates: ['{"dose":"0.1 µM"}', '{"dose":"10 µM"}'],
      silent: /no control group/,
    },
  },
];

/** Cells that are neither perturbed nor controls, and columns that say more was done to cells. */
export const mixedLayouts: readonly Layout[] = [
  ...["unassigned", "Unknown", "ambiguous", "multiplet", "Doublet", "Negative", "not assigned"].map(
    (label): Layout => ({
      name: `cells called ${label} are no perturbation`,
      seen: "https://github.com/scverse/pertpy/issues/617",
      make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "${label}"))`,
      expect: {
        perturbations: ["IFN-beta"],
        controls: ["control"],
        cells: 36,
        warns: [new RegExp(`12 cells were left out.*\\(${label}: 12\\)`)],
        silent: /is missing/,
      },
    }),
  ),
  {
    name: "a control that is called negative, as told",
    seen: "own variation of https://github.com/scverse/pertpy/issues/617",
    make: `usual(a, perturbation=arm(a, "negative", "IFN-beta", "unknown"))`,
    options: { columns: { control_labels: ["negative"] } },
    expect: { controls: ["negative"], perturbations: ["IFN-beta"], cells: 36 },
  },
  {
    name: "doublets by the column of donors",
    seen: "own variation of https://github.com/scverse/pertpy/issues/617",
    make: `${TREATED}; a.obs["donor_id"] = np.where(np.arange(48) % 12 < 4, "doublet", a.obs["donor_id"])`,
    expect: {
      cells: 32,
      warns: [/16 cells were left out, as they are no single cells by donor_id/],
    },
  },
  {
    name: "a genotype beside the treatment",
    seen: "own variation of https://github.com/scverse/pertpy/pull/945",
    make: `usual(a, genotype=np.where(np.arange(48) // 2 % 4 < 2, "WT", "STAT1 KO"), treatment=np.where(c, "untreated", "IFN-beta"))`,
    expect: {
      perturbations: ["IFN-beta"],
      cells: 48,
      warns: [
        /genotype \(WT, STAT1 KO\) splits the control cells and the cells given IFN-beta.*--only "genotype=WT"/,
      ],
    },
  },
  {
    name: "a genotype beside the treatment, one of it told",
    seen: "own variation of https://github.com/scverse/pertpy/pull/945",
    make: `usual(a, genotype=np.where(np.arange(48) // 2 % 4 < 2, "WT", "STAT1 KO"), treatment=np.where(c, "untreated", "IFN-beta"))`,
    options: { only: { genotype: ["WT"] } },
    expect: {
      perturbations: ["IFN-beta"],
      cells: 24,
      warns: [/24 cells whose genotype is not WT were left out, as told/],
      silent: /splits/,
    },
  },
  ...["knockout", "crispr_guide", "mutation", "infection", "co_treatment"].map(
    (column): Layout => ({
      name: `${column} beside the treatment`,
      seen: "own variation of https://github.com/scverse/pertpy/pull/945",
      make: `usual(a, treatment=arm(a, "untreated", "IFN-beta", "IL-6"), ${column}=np.where(np.arange(48) % 3 == 0, "none", "X1"))`,
      expect: {
        perturbations: ["IFN-beta", "IL-6"],
        warns: [new RegExp(`${column} \\(none, X1\\) splits the control cells and`)],
      },
    }),
  ),
  {
    name: "a disease inside of donors",
    seen: "own variation of https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.1.0/schema.md",
    make: `${TREATED}; a.obs["disease"] = np.where(np.arange(48) % 12 < 6, "normal", "lupus")`,
    expect: { warns: [/disease \(normal, lupus\) splits the control cells/] },
  },
  {
    name: "a disease of donors is kept apart by them",
    seen: "https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.1.0/schema.md",
    make: `${TREATED}; a.obs["disease"] = np.where(a.obs["donor_id"] == "d1", "normal", "lupus")`,
    expect: { cells: 48, silent: /splits/ },
  },
  {
    name: "guides that number the genes split nothing",
    seen: "https://satijalab.org/seurat/articles/mixscape_vignette",
    make: `n = np.arange(48); usual(a, gene=arm(a, "NT", "STAT1", "JAK2"), guide_ID=[f"{g}g{k % 3}" for g, k in zip(arm(a, "NT", "STAT1", "JAK2"), n)])`,
    expect: { cells: 48, perturbations: ["JAK2", "STAT1"], silent: /splits/ },
  },
  {
    name: "Mixscape: cells with a guide and no response",
    seen: "https://satijalab.org/seurat/articles/mixscape_vignette",
    make: `usual(a, gene=arm(a, "NT", "STAT1", "JAK2"), **{"mixscape_class.global": np.where(c, "NT", np.where(np.arange(48) % 4 == 2, "KO", "NP"))})`,
    expect: {
      cells: 36,
      perturbations: ["JAK2", "STAT1"],
      warns: [/12 cells were left out.*no response by mixscape_class.global \(NP: 12\)/],
      silent: /splits/,
    },
  },
  {
    name: "Mixscape: all cells, as told",
    seen: "own variation of https://satijalab.org/seurat/articles/mixscape_vignette",
    make: `usual(a, gene=arm(a, "NT", "STAT1", "JAK2"), **{"mixscape_class.global": np.where(c, "NT", np.where(np.arange(48) % 4 == 2, "KO", "NP"))})`,
    options: { only: { "mixscape_class.global": ["KO", "NP", "NT"] } },
    expect: { cells: 48 },
  },
  {
    name: "cell types that are numbers of clusters",
    seen: "https://github.com/scverse/scanpy/issues/2239",
    make: `a.obs = pd.DataFrame({"leiden": pd.Categorical([str(k % 2) for k in range(48)]), "perturbation": arm(a, "control", "IFN-beta", "IL-6")}, index=a.obs_names)`,
    expect: {
      columns: { cell_type: "leiden" },
      warns: [/The cell types are numbers of leiden \(0, 1\), not names/],
    },
  },
];

/** Layers whose names hold "counts" and that are others' counts. */
export const layerLayouts: readonly Layout[] = [
  {
    name: "log1p in X beside the counts of the ambient RNA",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["ambient_counts"] = sp.csr_matrix(counts.max() - counts); a.X = sp.csr_matrix(log1p(counts))`,
    expect: { slot: "X", warns: [/layers\/ambient_counts was not taken for the counts/] },
  },
  {
    name: "scaled X beside two layers of counts",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["background_counts"] = sp.csr_matrix(counts.max() - counts); a.layers["umi_counts"] = sp.csr_matrix(counts); ${SCALED}`,
    expect: { slot: "layers/umi_counts" },
  },
  {
    name: "scaled X beside counts of a kind that is not said",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["decontX_counts"] = sp.csr_matrix(counts); ${SCALED}`,
    expect: {
      slot: "layers/decontX_counts",
      warns: [/layers\/decontX_counts were taken as counts, though its name does not say so/],
    },
  },
];
