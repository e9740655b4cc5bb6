import { GENES, type Layout } from "./layout.ts";

const loss = (...genes: string[]) => ({ genes, effect: "loss" }) as const;
const gain = (...genes: string[]) => ({ genes, effect: "gain" }) as const;

/** Files as pipelines, tools and challenges leave them. */
export const pipelineLayouts: readonly Layout[] = [
  {
    name: "GWT: guides, names and ids of genes, bad cells by a flag",
    seen: "https://github.com/emdann/GWT_perturbseq_analysis_2025/blob/master/metadata/data_sharing_readme.md",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"lane_id": "L1", "n_genes_by_counts": 30, "total_counts": 90.0, "pct_counts_mt": 1.0, "top_guide_UMI_counts": 12.0, "guide_id": arm(a, "NTC-1", "STAT1-1", "JAK2-2"), "perturbed_gene_name": arm(a, "NTC", "STAT1", "JAK2"), "perturbed_gene_id": arm(a, "NTC", ids[6], ids[19]), "guide_type": np.where(c, "non-targeting", "targeting"), "PuroR": 1.0, "guide_group": "targeting single sgRNA", "low_quality": n % 16 == 15}, index=a.obs_names)`,
    options: { cellType: "CD4-positive, alpha-beta T cell" },
    expect: {
      columns: { perturbation: "perturbed_gene_name", control_label: "NTC" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
      cells: 48,
      warns: [/3 cells are not good by low_quality/],
    },
  },
  {
    name: "mixscape: what it made of genes and guides",
    seen: "https://pertpy.readthedocs.io/en/latest/tutorials/notebooks/mixscape.html",
    make: `n = np.arange(48); usual(a, gene_target=arm(a, "NT", "STAT1", "JAK2"), perturbation=np.where(c, "NT", "Perturbed"), mixscape_class=np.where(c, "NT", np.where(n % 16 < 8, arm(a, "", "STAT1 KO", "JAK2 KO"), arm(a, "", "STAT1 NP", "JAK2 NP"))), mixscape_class_global=np.where(c, "NT", np.where(n % 16 < 8, "KO", "NP")), mixscape_class_p_ko=0.5)`,
    expect: {
      columns: { perturbation: "gene_target", control_label: "NT" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
      cells: 36,
      warns: [/12 cells were left out, as they have a guide and no response/],
    },
  },
  {
    name: "chemCPA: names made of cell, drug and dose",
    seen: "https://github.com/theislab/chemCPA/blob/main/preprocessing/3_lincs_sciplex_gene_matching.py",
    make: `n = np.arange(48); usual(a, condition=arm(a, "control", "Dacinostat", "Belinostat"), dose_val=np.where(c, 1.0, np.where(n % 16 < 8, 0.1, 1.0)), SMILES=arm(a, "CS(C)=O", "CC1", "CC2"), control=np.where(c, 1, 0), split="train")
a.obs["drug_dose_name"] = a.obs["condition"].astype(str) + "_" + a.obs["dose_val"].astype(str)
a.obs["cov_drug"] = a.obs["cell_type"].astype(str) + "_" + a.obs["condition"].astype(str)
a.obs["cov_drug_dose_name"] = a.obs["cell_type"].astype(str) + "_" + a.obs["drug_dose_name"]`,
    expect: {
      columns: { perturbation: "condition", control_label: "control", dose: "dose_val" },
      perturbations: ["Belinostat", "Dacinostat"],
      covariates: ['{"dose":"0.1"}', '{"dose":"1"}'],
      cells: 48,
    },
  },
  {
    name: "State: drugs and doses as Python writes them",
    seen: "https://github.com/ArcInstitute/state/blob/main/README.md",
    make: `usual(a, drugname_drugconc=arm(a, "[('DMSO_TF', 0.0, 'uM')]", "[('Bestatin (hydrochloride)', 0.05, 'uM')]", "[('Trametinib', 5.0, 'uM')]"), cell_name="A549", plate="plate1", pass_filter="full", sample="smp_1783")`,
    expect: {
      columns: { perturbation: "drugname_drugconc" },
      perturbations: ["Bestatin (hydrochloride)", "Trametinib"],
      covariates: ['{"dose":"0.05 µM"}', '{"dose":"5 µM"}'],
    },
  },
  {
    name: "muscData: Kang from Bioconductor, ambiguous droplets",
    seen: "https://www.bioconductor.org/packages/release/data/experiment/html/muscData.html",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"ind": pd.Categorical(np.where(n < 24, "101", "107")), "stim": pd.Categorical(np.where(c, "ctrl", "stim")), "cluster": n % 4, "cell": pd.Categorical(a.obs["kind"].values), "multiplets": pd.Categorical(np.where(n % 16 == 15, "doublet", np.where(n % 16 == 14, "ambs", "singlet")))}, index=a.obs_names)
a.var = pd.DataFrame({"ENSEMBL": list(ids), "SYMBOL": list(names)}, index=list(names)); a.uns["X_name"] = "counts"; a.layers["logcounts"] = sp.csr_matrix(log1p(counts))`,
    expect: {
      columns: { perturbation: "stim", donor: "ind", cell_type: "cell" },
      slot: "X",
      cells: 42,
      warns: [/6 cells were left out.*multiplets/],
    },
  },
  {
    name: "SeuratDisk: factors are numbers",
    seen: "https://github.com/mojaveazure/seurat-disk/issues/23",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"orig.ident": 0, "nCount_RNA": 90.0, "nFeature_RNA": 30, "stim": np.where(c, 0, 1), "seurat_annotations": n % 2, "seurat_clusters": n % 2}, index=a.obs_names)`,
    expect: { refuses: /no value that marks control cells/ },
  },
  {
    name: "scvi-tools: batches and labels of the model",
    seen: "https://docs.scvi-tools.org/en/stable/tutorials/notebooks/scrna/harmonization.html",
    make: `n = np.arange(48); usual(a, condition=np.where(c, "control", "stimulated"), _scvi_batch=n % 2, _scvi_labels=0, C_scANVI="x", leiden=n % 3)
a.layers["counts"] = a.X.copy(); a.X = sp.csr_matrix(log1p(counts)); a.obsm["X_scVI"] = np.zeros((48, 10)); a.layers["scvi_normalized"] = log1p(counts)`,
    expect: {
      columns: { perturbation: "condition", cell_type: "cell_type" },
      slot: "layers/counts",
      perturbations: ["stimulated"],
      cells: 48,
    },
  },
  {
    name: "Haber: infections by day",
    seen: "https://github.com/theislab/scCODA/blob/master/docs/source/Data_import_and_visualization.ipynb",
    make: `n = np.arange(48); usual(a, condition=np.where(c, "Control", np.where(n % 16 < 4, "Hpoly.Day3", np.where(n % 16 < 8, "Salmonella", "Hpoly.Day10"))), cell_label=a.obs["kind"].values, batch="B1")`,
    expect: {
      columns: { perturbation: "condition", control_label: "Control" },
      perturbations: ["Hpoly", "Salmonella"],
      covariates: ['{"time":"10 d"}', '{"time":"3 d"}', "{}"],
    },
  },
  {
    name: "Mixscale: knock-downs under several cytokines",
    seen: "https://github.com/longmanz/Mixscale/blob/main/README.md",
    make: `n = np.arange(48); usual(a, gene=arm(a, "NT", "STAT1", "JAK2"), guide=arm(a, "NTg1", "STAT1g1", "JAK2g2"), cytokine=np.where(n // 4 % 3 == 0, "IFNB", "IFNG"), bc1_well="A1", Phase="G1", **{"percent.mito": 1.0})`,
    expect: {
      columns: { perturbation: "gene", control_label: "NT" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
      warns: [/cytokine .* compared with control cells of the same value/],
      cells: 48,
    },
  },
  {
    name: "LINCS: names, ids, units of dose and time",
    seen: "https://github.com/cmap/cmapPy/blob/master/docs/source/index.rst",
    make: `usual(a, pert_id=arm(a, "DMSO", "BRD-K12343256", "BRD-K49328571"), pert_iname=arm(a, "DMSO", "trametinib", "dasatinib"), pert_type=arm(a, "ctl_vehicle", "trt_cp", "trt_cp"), pert_dose=np.where(c, -666, 10), pert_dose_unit=np.where(c, "-666", "um"), pert_time=24, pert_time_unit="h", cell_id="A375")`,
    expect: {
      columns: { perturbation: "pert_iname", control_label: "DMSO" },
      covariates: ['{"dose":"10 µM","time":"24 h"}'],
      silent: /silenced/,
      cells: 48,
    },
  },
  {
    name: "lamin: dose and time with units in their values",
    seen: "https://github.com/laminlabs/pertdb/blob/main/README.md",
    make: `usual(a, pert_name=arm(a, "control", "Trametinib", "Dabrafenib"), pert_type=np.where(c, "control", "compound"), pert_dose=np.where(c, "0 uM", "2.5 uM"), pert_time="24 h", pert_target=arm(a, "none", "MAP2K1", "BRAF"))`,
    expect: {
      columns: { perturbation: "pert_name", control_label: "control" },
      covariates: ['{"dose":"2.5 µM","time":"24 h"}'],
      silent: /silenced/,
    },
  },
  {
    name: "PerturBase: genes joined by commas",
    seen: "https://www.perturbase.cn/download",
    make: `usual(a, gene=arm(a, "CTRL", "STAT1", "STAT1,IRF1"), batch="1", n_counts=10.0)`,
    expect: {
      columns: { perturbation: "gene", control_label: "CTRL" },
      genetic: { STAT1: loss("STAT1"), "STAT1,IRF1": loss("STAT1", "IRF1") },
    },
  },
  {
    name: "pereggrn: levels of expression after the perturbation",
    seen: "https://github.com/ekernf01/pereggrn_perturbations/blob/main/README.md",
    make: `usual(a, perturbation=arm(a, "Control", "KLF1", "KLF1,CEBPE"), expression_level_after_perturbation=arm(a, "nan", "7.5", "7.5,6.1"), perturbation_type="overexpression", is_control=c)`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "Control" },
      genetic: { KLF1: gain("KLF1"), "KLF1,CEBPE": gain("KLF1", "CEBPE") },
    },
  },
  {
    name: "CELLxGENE: a disease and no treatment",
    seen: "https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.2.0/schema.md",
    make: `usual(a, disease=np.where(c, "normal", "COVID-19"), disease_ontology_term_id=np.where(c, "PATO:0000461", "MONDO:0100096"), tissue="blood", assay="10x 3' v3", sex="female", self_reported_ethnicity="unknown", development_stage="adult stage", is_primary_data=True, observation_joinid="x")
a.var = pd.DataFrame({"feature_name": list(names)}, index=list(ids))`,
    expect: { refuses: /No obs column of .* contains the perturbation/ },
  },
  {
    name: "R: dots for dashes in the names of genes",
    seen: "https://github.com/satijalab/seurat/issues/1296",
    make: `usual(a, gene=arm(a, "NT", "HLA.DRA", "STAT1")); a.var_names = [g.replace("-", ".") for g in names]`,
    expect: {
      genetic: { "HLA.DRA": loss("HLA-DRA"), STAT1: loss("STAT1") },
      genes: GENES.map(([symbol]) => symbol),
      warns: [/2 gene names have dots where .*HLA.DRA as HLA-DRA/],
    },
  },
  {
    name: "targets with dots beside symbols with dashes",
    seen: "https://github.com/satijalab/seurat/issues/1296",
    make: `usual(a, gene=arm(a, "NT", "HLA.DRA", "STAT1"))`,
    expect: { genetic: { "HLA.DRA": loss("HLA-DRA"), STAT1: loss("STAT1") } },
  },
  ...[
    ["STAT1_IRF9", "IRF9_STAT1"],
    ["STAT1_ZNF326", "ZNF326_STAT1"],
    ["STAT1--IRF1", "IRF1--STAT1"],
    ["STAT1,IRF1", "IRF1,STAT1"],
  ].map(([one = "", other = ""]): Layout => ({
    name: `targets in either order: ${one.replaceAll(/[+,]/g, "x")} with ${one.length} letters`,
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `usual(a, gene=np.where(c, "non-targeting", np.where(np.arange(48) % 8 < 4, "JAK2", np.where(np.arange(48) < 32, "${one}", "${other}"))))`,
    expect: {
      perturbations: ["JAK2", one].toSorted(),
      cells: 48,
      warns: [/have the parts of another in another order/],
    },
  })),
  ...[
    ["KLF1", "KLF1+ctrl", "ctrl+KLF1"],
    ["KLF1", "KLF1_NegCtrl0__KLF1_NegCtrl0", "NegCtrl0_KLF1__NegCtrl0_KLF1"],
    ["ZNF326", "NT_ZNF326", "ZNF326_NT"],
  ].map(([gene = "", one = "", other = ""]): Layout => ({
    name: `a target beside a neutral guide on either side: ${one.replaceAll("+", "x")}`,
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `usual(a, gene=np.where(c, "non-targeting", np.where(np.arange(48) % 8 < 4, "JAK2", np.where(np.arange(48) < 32, "${one}", "${other}"))))`,
    expect: {
      genetic: { JAK2: loss("JAK2"), [one]: loss(gene), [other]: loss(gene) },
      cells: 48,
    },
  })),
  {
    name: "a target that the file does not measure, alone and in a pair",
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `usual(a, gene=np.where(c, "non-targeting", np.where(np.arange(48) % 8 < 4, "Xyzzy3", "STAT1_Xyzzy3")))`,
    expect: {
      genetic: { Xyzzy3: loss("Xyzzy3"), STAT1_Xyzzy3: loss("STAT1", "Xyzzy3") },
      perturbationIds: { Xyzzy3: null, STAT1_Xyzzy3: null },
    },
  },
  ...["STAT1_KO", "STAT1_B", "STAT1_pDS255", "STAT1_P1P2"].map((label): Layout => ({
    name: `a mark behind a target is no second one: ${label}`,
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `usual(a, gene=arm(a, "non-targeting", "JAK2", "${label}"))`,
    expect: { genetics: [loss("JAK2"), loss("STAT1")] },
  })),
];
