import { GENES, type Layout } from "./layout.ts";
import { TENX } from "./measured-layouts.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const IDS = GENES.map(([, id]) => id);
const CODES =
  "own variation of https://github.com/openproblems-bio/task_perturbation_prediction/issues/80";
const GUIDES = "own variation of https://satijalab.org/seurat/articles/mixscape_vignette";
const OWN = "own variation of https://github.com/scverse/pertpy/pull/945";
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
    name: "several substances with codes",
    seen: CODES,
    make: `usual(a, compound=np.where(c, "DMSO", np.array(["NT-3", "NT-4", "SCR7", "WT-161"])[np.arange(48) // 4 % 4]))`,
    expect: { controls: ["DMSO"], perturbations: ["NT-3", "NT-4", "SCR7", "WT-161"] },
  },
  ...[
    ["mock", "NT-1"],
    ["control", "NT-14"],
    ["non-targeting", "NT-3"],
  ].map(([plain, guide]): Layout => ({
    name: `guides like ${guide} beside ${plain}`,
    seen: GUIDES,
    make: `usual(a, gene=np.where(c, np.array(["${plain}", "${guide}", "NT-7"])[np.arange(48) % 3], arm(a, "", "STAT1", "JAK2")))`,
    expect: { columns: { perturbation: "gene" }, perturbations: ["JAK2", "STAT1"] },
  })),
  {
    name: "numbered guides beside plain controls stay controls",
    seen: GUIDES,
    make: `usual(a, gene=np.where(c, np.array(["control", "NT-1", "NT-7"])[np.arange(48) % 3], arm(a, "", "STAT1", "JAK2")))`,
    expect: { controls: ["NT-1", "control"], perturbations: ["JAK2", "STAT1"] },
  },
  ...[
    ["DMSO", "WT-3", "WT-5"],
    ["ctrl", "Scr-3", "Scr-4"],
    ["WT", "WT-3", "WT-3"],
    ["PBS", "PBS-2", "PBS-4"],
  ].map(([plain, one, two]): Layout => ({
    name: `${one} and ${two} beside ${plain} stay controls`,
    seen: GUIDES,
    make: `usual(a, gene=np.where(c, np.array(["${plain}", "${one}", "${two}"])[np.arange(48) % 3], arm(a, "", "STAT1", "JAK2")))`,
    expect: { columns: { perturbation: "gene" }, perturbations: ["JAK2", "STAT1"], cells: 48 },
  })),
  ...[
    ["PBS", "PBS-57"],
    ["WT", "WT-161"],
  ].map(([plain, label]): Layout => ({
    name: `${label} beside ${plain} is a compound`,
    seen: CODES,
    make: `usual(a, compound=arm(a, "${plain}", "${label}", "IL-6"))`,
    expect: { controls: [String(plain)], perturbations: ["IL-6", String(label)].toSorted() },
  })),
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
    name: "None beside a control of guides",
    seen: "own variation of https://github.com/sanderlab/scPerturb/issues/25",
    make: `usual(a, gene=arm(a, "NT", "STAT1", "None"))`,
    expect: { controls: ["NT"], perturbations: ["STAT1"], cells: 36, warns: [/None: 12/] },
  },
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
      cells: 44,
      warns: [/4 of 48 cells were left out/],
    },
  },
  ...["na", "None"].map((donor): Layout => ({
    name: `controls of a donor ${donor} stay`,
    seen: "own variation of https://github.com/satijalab/seurat/issues/4716",
    make: `${TREATED}; a.obs["donor_id"] = np.where(c, "${donor}", a.obs["donor_id"])`,
    expect: { controls: ["control"], perturbations: ["IFN-beta", "IL-6"], cells: 48 },
  })),
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
  ...[";", " then ", "->", " > "].map((sign): Layout => ({
    name: `one after the other by "${sign.replaceAll(" ", "_").replaceAll(/[^a-z_]/g, (each) => `u${each.codePointAt(0)}`)}"`,
    seen: "own variation of https://github.com/snap-stanford/GEARS/issues/6",
    make: `usual(a, treatment=arm(a, "DMSO", "LPS${sign}IFNb", "IFNb${sign}LPS"))`,
    expect: {
      perturbations: [`IFNb${sign}LPS`, `LPS${sign}IFNb`],
      cells: 48,
      silent: /another order/,
    },
  })),
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
  ...["drug_resistance", "drug_sensitivity"].map((column): Layout => ({
    name: `${column} sets cells apart`,
    seen: OWN,
    make: `${TREATED}; a.obs["${column}"] = np.where(np.arange(48) // 4 % 3 == 0, "parental", "resistant")`,
    expect: {
      columns: { perturbation: "perturbation" },
      cells: 48,
      warns: [new RegExp(`${column} .* compared with control cells of the same value`)],
    },
  })),
  {
    name: "Kang: cell beside cluster",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE96583",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"ind": np.where(n < 24, 101, 107), "stim": np.where(c, "ctrl", "stim"), "cluster": n % 4, "cell": a.obs["kind"].values, "multiplets": "singlet"}, index=a.obs_names)`,
    expect: {
      columns: { cell_type: "cell", donor: "ind", perturbation: "stim" },
      cellTypes: ["B cells", "T cells"],
    },
  },
  {
    name: "cells by numbers beside clusters",
    seen: OWN,
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"), cell=np.arange(48) // 6, leiden=np.arange(48) % 2); del a.obs["cell_type"]`,
    expect: { columns: { cell_type: "leiden" }, cellTypes: ["0", "1"] },
  },
  {
    name: "CELLxGENE: unknown types beside those of the authors",
    seen: "own variation of https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.1.0/schema.md",
    make: `${TREATED}; a.obs["author_cell_type"] = a.obs["cell_type"]; a.obs["cell_type"] = "unknown"`,
    expect: { columns: { cell_type: "author_cell_type" }, cellTypes: ["B cells", "T cells"] },
  },
  {
    name: "types that are unknown alone",
    seen: "own variation of https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.1.0/schema.md",
    make: `${TREATED}; a.obs["cell_type"] = "unknown"`,
    expect: { columns: { cell_type: "cell_type" }, cellTypes: ["unknown"] },
  },
  {
    name: "Cell Ranger: calls of guides with bars",
    seen: TENX,
    make: `usual(a, feature_call=np.where(np.arange(48) < 24, arm(a, "Non-Targeting-1", "STAT1-1", "STAT1-2|JAK2-1"), arm(a, "Non-Targeting-1|Non-Targeting-2", "STAT1-1", "STAT1-2|JAK2-1")), num_features=1)`,
    expect: {
      columns: { perturbation: "feature_call" },
      controls: ["Non-Targeting-1"],
      genetic: { "STAT1-1": loss("STAT1"), "STAT1-2|JAK2-1": loss("STAT1", "JAK2") },
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

/** What is told by other labels, names and places than most files have. */
export const tellingLayouts: readonly Layout[] = [...labelLayouts, ...nameLayouts];
