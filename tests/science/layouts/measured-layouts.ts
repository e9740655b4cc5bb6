import { GENES, type Layout } from "./layout.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const SYMBOLS = GENES.map(([symbol]) => symbol);
const IDS = GENES.map(([, id]) => id);
const DOSES = "own variation of https://github.com/facebookresearch/CPA/issues/4";
const TIMES = "own variation of https://github.com/laminlabs/lamindb/issues/3101";
export const TENX =
  "https://www.10xgenomics.com/support/software/cell-ranger/latest/analysis/outputs/cr-outputs-h5-matrices";

/** Doses and times in columns by other names. */
export const amountLayouts: readonly Layout[] = [
  ...[
    ["time_min", "15", "60", "15 min", "60 min"],
    ["day", "1", "7", "1 d", "7 d"],
    ["hours_post_stimulation", "6", "24", "6 h", "24 h"],
    ["days_post_infection", "1", "3", "1 d", "3 d"],
    ["dpi", "1", "3", "1 d", "3 d"],
    ["treatment_duration_hr", "6", "24", "6 h", "24 h"],
    ["timepoint_hr", "6", "24", "6 h", "24 h"],
    ["incubation_time", "'6h'", "'24h'", "6h", "24h"],
    ["exposure_hours", "6", "24", "6 h", "24 h"],
    ["treatment_length_h", "6", "24", "6 h", "24 h"],
    ["hours_treated", "6", "24", "6 h", "24 h"],
    ["time_post_treatment_h", "6", "24", "6 h", "24 h"],
    ["post_stimulation_minutes", "15", "60", "15 min", "60 min"],
    ["days_past_transduction", "7", "13", "7 d", "13 d"],
    ["elapsed_hours", "6", "24", "6 h", "24 h"],
  ].map(([column, one, two, first, second]): Layout => ({
    name: `times by ${column}`,
    seen: TIMES,
    make: `usual(a, stimulus=np.where(c, "unstimulated", "LPS"), ${column}=np.where(np.arange(48) // 4 % 2 == 0, ${one}, ${two}))`,
    expect: {
      columns: { time: column },
      covariates: [first, second].map((time) => JSON.stringify({ time })).toSorted(),
      silent: /no control group/,
    },
  })),
  ...[
    ["infection_time", "'10:30'", "'11:00'"],
    ["day", "'Mon'", "'Tue'"],
    ["day", "'2021-03-01'", "'2021-03-02'"],
  ].map(([column, one, two]): Layout => ({
    name: `${column} ${one} is no time since anything`,
    seen: TIMES,
    make: `${TREATED}; a.obs["${column}"] = np.where(np.arange(48) // 4 % 2 == 0, ${one}, ${two})`,
    expect: { columns: { time: undefined }, covariates: ["{}"] },
  })),
  {
    name: "a day beside hours of stimulation",
    seen: TIMES,
    make: `${TREATED}; n = np.arange(48); a.obs["day"] = n // 4 % 2; a.obs["hours_post_stimulation"] = np.where(n // 4 % 2 == 0, 6, 24)`,
    expect: {
      columns: { time: "hours_post_stimulation" },
      covariates: ['{"time":"24 h"}', '{"time":"6 h"}'],
    },
  },
  ...[
    ["treatment_concentration", "0.1", "10", "0.1", "10"],
    ["drug_conc_uM", "0.1", "10", "0.1 µM", "10 µM"],
    ["dose_level", "'low'", "'high'", "low", "high"],
    ["dose1", "1", "10", "1", "10"],
    ["final_conc_uM", "0.1", "10", "0.1 µM", "10 µM"],
    ["final_concentration", "0.1", "10", "0.1", "10"],
    ["conc_micromolar", "0.1", "10", "0.1 µM", "10 µM"],
    ["stim_conc_ng_ml", "0.1", "10", "0.1 ng/ml", "10 ng/ml"],
    ["drug_final_conc_nanomolar", "1", "10", "1 nM", "10 nM"],
    ["dose_ng_per_mL", "1", "10", "1 ng/ml", "10 ng/ml"],
    ["dose_units_per_ml", "1", "10", "1 U/ml", "10 U/ml"],
    ["uM_drug_conc", "1", "10", "1 µM", "10 µM"],
    ["dose_μM", "1", "10", "1 µM", "10 µM"],
    ["nanomolar", "1", "10", "1 nM", "10 nM"],
    ["ng_ml", "1", "10", "1 ng/ml", "10 ng/ml"],
  ].map(([column, one, two, first, second]): Layout => ({
    name: `doses by ${(column ?? "").replace("μ", "micro")}`,
    seen: DOSES,
    make: `usual(a, drug=np.where(c, "DMSO", "Trametinib"), ${column}=arm(a, ${one}, ${one}, ${two}))`,
    expect: {
      columns: { dose: column },
      covariates: [first, second].map((dose) => JSON.stringify({ dose })).toSorted(),
      silent: /no control group/,
    },
  })),
  ...[
    "radiation_dose",
    "rs123_dosage",
    "genotype_dosage",
    "prednisone_dose",
    "overdose",
    "dose_response",
    "dose_rate",
    "dose_gy",
    "nuclei_concentration",
    "qubit_conc_nM",
    "input_conc",
    "stain_concentration",
    "stock_conc_uM",
    "library_conc_nM",
    "um",
  ].map((column): Layout => ({
    name: `${column} is no dose of the perturbation`,
    seen: DOSES,
    make: `usual(a, perturbation=arm(a, "ctrl", "TNF", "IL-6"), ${column}=np.where(np.arange(48) // 4 % 3 == 0, 0, 2))`,
    expect: {
      columns: { dose: undefined },
      controls: ["ctrl"],
      perturbations: ["IL-6", "TNF"],
      silent: /dose zero/,
    },
  })),
  ...["radiation_dose", "irradiation_Gy"].map((column): Layout => ({
    name: `${column} is a condition of its own`,
    seen: DOSES,
    make: `usual(a, perturbation=arm(a, "ctrl", "TNF", "IL-6"), ${column}=np.array([0, 2, 6])[np.arange(48) // 4 % 3])`,
    expect: {
      cells: 48,
      warns: [new RegExp(`${column} .* compared with control cells of the same value`)],
    },
  })),
  ...["dose", "treatment_concentration"].map((column): Layout => ({
    name: `${column} that controls have too makes no controls`,
    seen: DOSES,
    make: `usual(a, perturbation=arm(a, "ctrl", "TNF", "TNF"), ${column}=np.where(np.arange(48) // 4 % 3 == 0, 0, 2))`,
    expect: {
      columns: { dose: column },
      covariates: ['{"dose":"0"}', '{"dose":"2"}'],
      warns: [/8 cells given TNF at dose zero are kept as perturbed cells, as control cells/],
    },
  })),
  {
    name: "doses of two things are not that of one",
    seen: DOSES,
    make: `n = np.arange(48); usual(a, drug=np.where(c, "DMSO", "A+B"), dose1=np.where(c, 0, n // 4 % 3), dose2=np.where(c, 0, (n // 4 + 1) % 3))`,
    expect: { columns: { dose: undefined }, perturbations: ["A+B"], silent: /dose zero/ },
  },
  {
    name: "ages, days of the laboratory and concentrations of DNA are no amounts",
    seen: DOSES,
    make: `${TREATED}; n = np.arange(48); a.obs["age_days"] = n // 4 % 2; a.obs["collection_day"] = n // 4 % 2; a.obs["cdna_concentration"] = n // 4 % 2 + 0.5; a.obs["log_dose_uM"] = n // 4 % 2 + 0.5; a.obs["dose_id"] = n // 4 % 2; a.obs["concordance"] = n // 4 % 2`,
    expect: { columns: { dose: undefined, time: undefined }, covariates: ["{}"] },
  },
];

/** Matrices of more than genes, and whole numbers in several places. */
export const matrixLayouts: readonly Layout[] = [
  {
    name: "Cell Ranger: antibodies and guides beside the genes",
    seen: TENX,
    make: `usual(a, gene=arm(a, "non-targeting", "STAT1", "JAK2")); a.var = pd.DataFrame({"gene_ids": list(ids), "feature_types": ["Gene Expression"] * 26 + ["Antibody Capture"] * 3 + ["CRISPR Guide Capture"]}, index=list(names[:26]) + ["CD14", "CD3", "ISG15", "STAT1-1"])`,
    expect: {
      genes: SYMBOLS.slice(0, 26),
      cells: 48,
      warns: [
        /4 features are no genes \(Antibody Capture, CRISPR Guide Capture\) and were left out/,
      ],
      silent: /more than once/,
    },
  },
  {
    name: "Cell Ranger: antibodies beside genes of one symbol",
    seen: `own variation of ${TENX}`,
    make: `${TREATED}; a.var = pd.DataFrame({"gene_symbols": ["ISG15", "ISG15", *names[2:29], "CD14"], "feature_types": ["Gene Expression"] * 29 + ["Antibody Capture"]}, index=[*ids[:29], "CD14.1"])`,
    options: { repeatedGenes: "keep", columns: { gene_symbols: "gene_symbols" } },
    expect: {
      genes: [...IDS.slice(0, 2), ...SYMBOLS.slice(2, 29)],
      warns: [/1 features are no genes/, /1 gene symbols occur more than once \(ISG15\)/],
    },
  },
  {
    name: "corrected whole numbers in X, counts in their layer",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["counts"] = sp.csr_matrix(counts); a.X = sp.csr_matrix(np.floor(counts / 2))`,
    expect: {
      slot: "layers/counts",
      warns: [/X and layers\/counts both hold whole numbers, and not the same; layers\/counts was/],
    },
  },
  {
    name: "corrected whole numbers in X by genes, counts in their layer",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["counts"] = sp.csc_matrix(counts); a.X = sp.csc_matrix(np.minimum(counts, 4))`,
    expect: { slot: "layers/counts", warns: [/both hold whole numbers, and not the same/] },
  },
  {
    name: "whole numbers of some cells in X corrected, genes of one name",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.layers["counts"] = sp.csr_matrix(counts); x = counts.copy(); x[40:] = np.minimum(x[40:], 4); a.X = sp.csr_matrix(x); a.var.index = [*names[:29], names[0]]`,
    options: { repeatedGenes: "keep" },
    expect: { slot: "layers/counts", formula: false, warns: [/whole numbers, and not the same/] },
  },
  {
    name: "corrected whole numbers in X, counts in raw",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.raw = a.copy(); a = a[:, ::-1].copy(); a.X = np.floor(np.asarray(a.X.todense()) / 2)`,
    expect: { slot: "raw/X", warns: [/X and raw\/X both hold whole numbers, and not the same/] },
  },
  {
    name: "the same counts in X, a layer and raw",
    seen: "own variation of https://github.com/scverse/scanpy/issues/2239",
    make: `${TREATED}; a.raw = a.copy(); a = a[:, ::-1].copy(); a.layers["counts"] = a.X.copy()`,
    expect: { slot: "X", silent: /whole numbers|lacks/ },
  },
  {
    name: "counts of variable genes in X, of all in raw",
    seen: "own variation of https://github.com/scverse/scanpy/issues/171",
    make: `${TREATED}; a.raw = a.copy(); a = a[:, :12].copy()`,
    expect: {
      slot: "X",
      genes: SYMBOLS.slice(0, 12),
      warns: [/raw\/X has 18 genes that X lacks; X was taken.*--layer raw\/X/],
    },
  },
  ...["None", "a.var.index[3:]"].map((kept): Layout => ({
    name: `ids in raw, symbols beside X (${kept === "None" ? "all" : "but three"})`,
    seen: "own variation of https://github.com/scverse/scanpy/issues/171",
    make: `${TREATED}; b = a.copy(); b.var = pd.DataFrame(index=[i if k not in (list(names[:3]) if "${kept}" != "None" else []) else k for k, i in given["genes"]]); a.raw = b`,
    expect: { slot: "X", genes: SYMBOLS, silent: /genes that X lacks/ },
  })),
  {
    name: "symbols in raw alone",
    seen: "own variation of https://github.com/czbiohub-sf/tabula-muris-senis/issues/39",
    make: `${TREATED}; a.var = pd.DataFrame({"gene_symbol": list(names)}, index=list(ids)); a.raw = a.copy(); a.var = a.var[[]]; a.X = counts - counts.mean(axis=0)`,
    expect: { slot: "raw/X", columns: { gene_symbols: "gene_symbol" }, genes: SYMBOLS },
  },
  {
    name: "dates of a spreadsheet for symbols",
    seen: "https://doi.org/10.1186/s13059-016-1044-7",
    make: `${TREATED}; a.var.index = [*names[:27], "1-Mar", "2-Sep", "2024-12-01"]`,
    expect: { formula: false, warns: [/3 gene names are dates \(1-Mar, 2-Sep, 2024-12-01\)/] },
  },
];
