import { GENES, type Layout } from "./layout.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const SYMBOLS = GENES.map(([symbol]) => symbol);
const IDS = GENES.map(([, id]) => id);
const CODES =
  "own variation of https://github.com/openproblems-bio/task_perturbation_prediction/issues/80";
const GUIDES = "own variation of https://satijalab.org/seurat/articles/mixscape_vignette";
const DOSES = "own variation of https://github.com/facebookresearch/CPA/issues/4";
const TIMES = "own variation of https://github.com/laminlabs/lamindb/issues/3101";
const OWN = "own variation of https://github.com/scverse/pertpy/pull/945";
const TENX =
  "https://www.10xgenomics.com/support/software/cell-ranger/latest/analysis/outputs/cr-outputs-h5-matrices";
const loss = (...genes: string[]) => ({ genes, effect: "loss" }) as const;

/** Labels that look like controls and are none, and labels that say that nothing is known. */
const labelLayouts: readonly Layout[] = [
  ...["NT-3", "NT-4", "WT-161", "SCR7", "PBS-57"].map((label): Layout => ({
    name: `${label} beside a vehicle is no control`,
    seen: CODES,
    make: `usual(a, compound=arm(a, "DMSO", "${label}", "IL-6"))`,
    expect: {
      columns: { control_label: "DMSO" },
      controls: ["DMSO"],
      perturbations: ["IL-6", label].toSorted(),
      perturbationIds: { "IL-6": "il-6", [label]: null },
      warns: [new RegExp(`"DMSO" was taken as the control; ${label} would have fitted too`)],
      silent: /silenced/,
    },
  })),
  {
    name: "one neurotrophin beside plain controls",
    seen: CODES,
    make: `usual(a, cytokine=arm(a, "control", "NT-3", "IL-6"))`,
    expect: { controls: ["control"], perturbations: ["IL-6", "NT-3"], silent: /silenced/ },
  },
  {
    name: "numbered guides beside plain controls stay controls",
    seen: GUIDES,
    make: `usual(a, gene=np.where(c, np.array(["control", "NT-1", "NT-7"])[np.arange(48) % 3], arm(a, "", "STAT1", "JAK2")))`,
    expect: { controls: ["NT-1", "control"], perturbations: ["JAK2", "STAT1"] },
  },
  ...["*", "-", "?", "multi", "collision", "no guide detected"].map((label): Layout => ({
    name: `a guide called ${label} is none (${label.length})`
      .replace("*", "star")
      .replace("?", "query")
      .replace(" - ", " dash "),
    seen: "own variation of https://github.com/sanderlab/scPerturb/issues/25",
    make: `usual(a, gene=arm(a, "non-targeting", "STAT1", "${label}"))`,
    expect: {
      perturbations: ["STAT1"],
      cells: 36,
      warns: [/12 cells were left out, as their gene/],
    },
  })),
  {
    name: "plus and minus told",
    seen: OWN,
    make: `usual(a, treatment=np.where(c, "-", "+"))`,
    options: { columns: { control_labels: ["-"] } },
    expect: { controls: ["-"], perturbations: ["+"], cells: 48 },
  },
  {
    name: "R: NA as text for cell types and donors",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; n = np.arange(48); a.obs["cell_type"] = np.where(n % 12 == 0, "NA", a.obs["cell_type"]); a.obs["donor_id"] = np.where(n % 12 == 1, "None", a.obs["donor_id"])`,
    expect: {
      cellTypes: ["B cells", "T cells"],
      cells: 40,
      warns: [/8 of 48 cells were left out/],
    },
  },
  {
    name: "R: no donor known",
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.obs["donor_id"] = "NA"`,
    expect: { cells: 48 },
  },
  {
    name: "combinations in both orders",
    seen: "own variation of https://github.com/snap-stanford/GEARS/issues/6",
    make: `usual(a, condition=arm(a, "ctrl", np.where(np.arange(48) < 9, "KLF1+CEBPE", "CEBPE+KLF1"), "KLF1+ctrl"))`,
    expect: {
      perturbations: ["CEBPE+KLF1", "KLF1+ctrl"],
      genetic: { "CEBPE+KLF1": loss("CEBPE", "KLF1"), "KLF1+ctrl": loss("KLF1") },
      cells: 48,
      warns: [/parts of another in another order.*\(KLF1\+CEBPE for CEBPE\+KLF1\)/],
    },
  },
  {
    name: "genes as targets by id alone",
    seen: "own variation of https://github.com/scverse/pertpy/issues/916",
    make: `usual(a, gene_target=arm(a, "non-targeting", ids[6] + ".12", ids[19]))`,
    expect: {
      perturbationIds: {
        [`${IDS[6]}.12`]: "stat1-knockout",
        [String(IDS[19])]: "jak2-knockout",
      },
      genetic: { [`${IDS[6]}.12`]: loss("STAT1"), [String(IDS[19])]: loss("JAK2") },
    },
  },
];

/** Columns by names that are less usual, or usual and of no use. */
const nameLayouts: readonly Layout[] = [
  {
    name: "a treatment and a condition of one control throughout",
    seen: OWN,
    make: `usual(a, treatment="none", condition="control", gene=arm(a, "NT", "STAT1", "JAK2"))`,
    expect: {
      columns: { perturbation: "gene", control_label: "NT" },
      perturbations: ["JAK2", "STAT1"],
      cells: 48,
      silent: /would have fitted/,
    },
  },
  {
    name: "what came of a treatment is no treatment",
    seen: OWN,
    make: `usual(a, treatment_response=np.array(["none", "partial"])[np.arange(48) // 4 % 2], inhibitor_name=arm(a, "DMSO", "Trametinib", "Dabrafenib"))`,
    expect: { columns: { perturbation: "inhibitor_name" }, cells: 48 },
  },
  {
    name: "Kang: cell beside cluster",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE96583",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"ind": np.where(n < 24, 101, 107), "stim": np.where(c, "ctrl", "stim"), "cluster": n % 4, "cell": a.obs["kind"].values, "multiplets": "singlet"}, index=a.obs_names)`,
    expect: {
      columns: { cell_type: "cell", donor: "ind", perturbation: "stim" },
      cellTypes: ["B cells", "T cells"],
    },
  },
  ...[
    ["co_culture", "alone", "with tumour"],
    ["dox", "-", "+"],
    ["irradiation", "0 Gy", "2 Gy"],
    ["temperature", "37C", "42C"],
    ["serum", "starved", "full"],
  ].map(([column, one, two]): Layout => ({
    name: `${column} beside the treatment is said`,
    seen: OWN,
    make: `${TREATED}; a.obs["${column}"] = np.where(np.arange(48) // 4 % 3 == 0, "${one}", "${two}")`,
    expect: {
      cells: 48,
      warns: [new RegExp(`${column} .* compared with control cells of the same value`)],
    },
  })),
  {
    name: "a plate of treated cells alone",
    seen: OWN,
    make: `usual(a, drug=arm(a, "DMSO", "Trametinib", "Dabrafenib"), plate=arm(a, "P1", "P1", "P2"))`,
    expect: {
      cells: 48,
      warns: [/No control cell has the plate of the cells given Dabrafenib, so/],
    },
  },
  {
    name: "plates that all have controls",
    seen: OWN,
    make: `usual(a, drug=arm(a, "DMSO", "Trametinib", "Dabrafenib"), plate=np.where(np.arange(48) % 16 < 8, "P1", "P2"))`,
    expect: { cells: 48, silent: /No control cell has/ },
  },
];

/** Doses and times in columns by other names. */
const amountLayouts: readonly Layout[] = [
  ...[
    ["time_min", "15", "60", "15 min", "60 min"],
    ["day", "1", "7", "1 d", "7 d"],
    ["hours_post_stimulation", "6", "24", "6 h", "24 h"],
    ["days_post_infection", "1", "3", "1 d", "3 d"],
    ["dpi", "1", "3", "1 d", "3 d"],
    ["treatment_duration_hr", "6", "24", "6 h", "24 h"],
    ["timepoint_hr", "6", "24", "6 h", "24 h"],
    ["incubation_time", "'6h'", "'24h'", "6h", "24h"],
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
    ["treatment_concentration", "0.1", "10", "0.1", "10"],
    ["drug_conc_uM", "0.1", "10", "0.1 µM", "10 µM"],
    ["dose_level", "'low'", "'high'", "low", "high"],
    ["dose1", "1", "10", "1", "10"],
  ].map(([column, one, two, first, second]): Layout => ({
    name: `doses by ${column}`,
    seen: DOSES,
    make: `usual(a, drug=np.where(c, "DMSO", "Trametinib"), ${column}=arm(a, ${one}, ${one}, ${two}))`,
    expect: {
      columns: { dose: column },
      covariates: [first, second].map((dose) => JSON.stringify({ dose })).toSorted(),
      silent: /no control group/,
    },
  })),
  {
    name: "ages, days of the laboratory and concentrations of DNA are no amounts",
    seen: DOSES,
    make: `${TREATED}; n = np.arange(48); a.obs["age_days"] = n // 4 % 2; a.obs["collection_day"] = n // 4 % 2; a.obs["cdna_concentration"] = n // 4 % 2 + 0.5; a.obs["log_dose_uM"] = n // 4 % 2 + 0.5; a.obs["dose_id"] = n // 4 % 2; a.obs["concordance"] = n // 4 % 2`,
    expect: { columns: { dose: undefined, time: undefined }, covariates: ["{}"] },
  },
];

/** Matrices of more than genes, and whole numbers in several places. */
const matrixLayouts: readonly Layout[] = [
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

/** What is told by other labels, names and places than most files have. */
export const tellingLayouts: readonly Layout[] = [
  ...labelLayouts,
  ...nameLayouts,
  ...amountLayouts,
  ...matrixLayouts,
];
