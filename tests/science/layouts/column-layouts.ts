import type { Layout } from "./layout.ts";

/** Which columns tell the perturbation, the control and the cell type. */
export const columnLayouts: readonly Layout[] = [
  {
    name: "Parse PBMC: treatment is coarser than cytokine",
    seen: "https://www.parsebiosciences.com/datasets/10-million-human-pbmcs-in-a-single-experiment/",
    make: `usual(a, treatment=np.where(c, "PBS", "cytokine"), cytokine=pd.Categorical(arm(a, "PBS", "IFN-beta", "IL-6")), bc1_well="A1")`,
    expect: {
      columns: { perturbation: "cytokine", control_label: "PBS", cell_type: "cell_type" },
      perturbations: ["IFN-beta", "IL-6"],
      controls: ["PBS"],
      cells: 48,
      warns: [/cytokine was taken for the perturbation; treatment would have fitted too/],
    },
  },
  {
    name: "Mixscape: perturbation NT/Perturbed beside gene_target",
    seen: "https://github.com/scverse/pertpy/pull/945",
    make: `usual(a, perturbation=np.where(c, "NT", "Perturbed"), gene_target=arm(a, "NT", "STAT1", "JAK2"), guide_ID=arm(a, "NTg1", "STAT1g2", "JAK2g1"))`,
    expect: {
      columns: { perturbation: "gene_target", control_label: "NT" },
      perturbations: ["JAK2", "STAT1"],
      genetic: {
        STAT1: { genes: ["STAT1"], effect: "loss" },
        JAK2: { genes: ["JAK2"], effect: "loss" },
      },
      warns: [/gene_target names silenced genes/, /perturbation, guide_ID would have fitted too/],
    },
  },
  {
    name: "Papalexi: guides only number the genes",
    seen: "https://satijalab.org/seurat/articles/mixscape_vignette",
    make: `usual(a, guide=arm(a, "NTg4", "IFNB1g1", "JAK2g2"), perturbation=arm(a, "control", "IFNB1", "JAK2"))`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "control" },
      perturbationIds: { IFNB1: null, JAK2: "jak2-knockout" },
      genetic: {
        IFNB1: { genes: ["IFNB1"], effect: "loss" },
        JAK2: { genes: ["JAK2"], effect: "loss" },
      },
    },
  },
  {
    name: "CRISPRi screen of a cytokine gene",
    seen: "https://github.com/samuelstevens/vcell/blob/main/docs/api/vcell/data/index.md",
    make: `usual(a, target_gene=arm(a, "non-targeting", "IFNB1", "STAT1"), perturbation_type="CRISPRi")`,
    expect: {
      perturbationIds: { IFNB1: null, STAT1: "stat1-knockout" },
      genetic: {
        IFNB1: { genes: ["IFNB1"], effect: "loss" },
        STAT1: { genes: ["STAT1"], effect: "loss" },
      },
    },
  },
  {
    name: "Norman: A+ctrl, A+B, activation",
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `usual(a, condition=arm(a, "ctrl", "KLF1+ctrl", "CEBPE+KLF1"), perturbation_type="CRISPRa")`,
    expect: {
      columns: { perturbation: "condition", control_label: "ctrl" },
      perturbations: ["CEBPE+KLF1", "KLF1+ctrl"],
      genetic: {
        "KLF1+ctrl": { genes: ["KLF1"], effect: "gain" },
        "CEBPE+KLF1": { genes: ["CEBPE", "KLF1"], effect: "gain" },
      },
    },
  },
  {
    name: "scPerturb: CRISPR of a kind that is not said",
    seen: "https://github.com/sanderlab/scPerturb/issues/21",
    make: `usual(a, perturbation=arm(a, "control", "KLF1", "CEBPE_KLF1"), perturbation_type="CRISPR", nperts=arm(a, 0, 1, 2))`,
    expect: {
      genetic: {
        KLF1: { genes: ["KLF1"], effect: "loss" },
        CEBPE_KLF1: { genes: ["CEBPE", "KLF1"], effect: "loss" },
      },
      warns: [/that they are silenced is assumed, --perturbation-type CRISPRa says otherwise/],
    },
  },
  {
    name: "scPerturb: CRISPR, told to activate",
    seen: "own variation of https://github.com/sanderlab/scPerturb/issues/21",
    make: `usual(a, perturbation=arm(a, "control", "KLF1", "CEBPE_KLF1"), perturbation_type="CRISPR")`,
    options: { perturbationType: "CRISPRa" },
    expect: {
      genetic: {
        KLF1: { genes: ["KLF1"], effect: "gain" },
        CEBPE_KLF1: { genes: ["CEBPE", "KLF1"], effect: "gain" },
      },
      silent: /assumed/,
    },
  },
  {
    name: "GEARS: ctrl+A",
    seen: "https://github.com/snap-stanford/GEARS/issues/6",
    make: `usual(a, condition=arm(a, "ctrl", "ctrl+STAT1", "STAT1+ctrl"))`,
    expect: {
      controls: ["ctrl"],
      perturbations: ["STAT1+ctrl", "ctrl+STAT1"],
      genetic: {
        "ctrl+STAT1": { genes: ["STAT1"], effect: "loss" },
        "STAT1+ctrl": { genes: ["STAT1"], effect: "loss" },
      },
    },
  },
  {
    name: "Norman raw: NegCtrl guides beside a gene",
    seen: "own variation of https://github.com/sanderlab/scPerturb/issues/25",
    make: `usual(a, guide_identity=arm(a, "NegCtrl10_NegCtrl0__NegCtrl10_NegCtrl0", "KLF1_NegCtrl0", "CEBPE_KLF1"))`,
    expect: {
      controls: ["NegCtrl10_NegCtrl0__NegCtrl10_NegCtrl0"],
      genetic: {
        KLF1_NegCtrl0: { genes: ["KLF1"], effect: "loss" },
        CEBPE_KLF1: { genes: ["CEBPE", "KLF1"], effect: "loss" },
      },
    },
  },
  {
    name: "Dixit: INTERGENIC guides",
    seen: "https://github.com/sanderlab/scPerturb/issues/6",
    make: `usual(a, perturbation=np.where(c, np.where(np.arange(48) % 2 == 0, "INTERGENIC216151", "INTERGENIC1144056"), arm(a, "", "IRF1", "STAT1")))`,
    expect: {
      controls: ["INTERGENIC1144056"],
      perturbations: ["IRF1", "STAT1"],
      genetic: {
        IRF1: { genes: ["IRF1"], effect: "loss" },
        STAT1: { genes: ["STAT1"], effect: "loss" },
      },
      warns: [/control cells of 2 labels were pooled/],
    },
  },
  {
    name: "non-targeting guides by number",
    seen: "own variation of https://github.com/scverse/pertpy/issues/916",
    make: `usual(a, gene=arm(a, "non-targeting", "MYC", "TP53"), sgID_AB=[f"non-targeting_{k:05d}|non-targeting_{k+1:05d}" if x else f"MYC_{k}" for k, x in enumerate(c)])`,
    expect: {
      columns: { perturbation: "gene", control_label: "non-targeting" },
      genetic: {
        MYC: { genes: ["MYC"], effect: "loss" },
        TP53: { genes: ["TP53"], effect: "loss" },
      },
    },
  },
  {
    name: "safe-targeting and scrambled guides",
    seen: "https://github.com/satijalab/seurat/issues/4716",
    make: `usual(a, sgRNA=np.where(c, np.where(np.arange(48) % 2 == 0, "safe-targeting_7", "scrambled_2"), arm(a, "", "sgMYC-1", "sgTP53-2")))`,
    expect: {
      controls: ["safe-targeting_7"],
      genetic: {
        "sgMYC-1": { genes: ["MYC"], effect: "loss" },
        "sgTP53-2": { genes: ["TP53"], effect: "loss" },
      },
    },
  },
  {
    name: "cytokines under gene symbols stay cytokines",
    seen: "https://github.com/scverse/pertpy/blob/main/pertpy/data/_datasets.py",
    make: `usual(a, perturbation=arm(a, "control", "IFNB1", "TNF"))`,
    expect: { genetic: { IFNB1: null, TNF: null }, silent: /names silenced/ },
  },
  {
    name: "a stimulus by gene symbol with its type",
    seen: "own variation of https://github.com/laminlabs/lamindb/issues/3101",
    make: `usual(a, pert_target=arm(a, "control", "IFNB1", "IL6"), pert_type=np.where(c, "control", "biologic"))`,
    expect: { columns: { perturbation: "pert_target" }, genetic: { IFNB1: null, IL6: null } },
  },
  {
    name: "Kang in Seurat: stim, seurat_annotations",
    seen: "https://satijalab.org/seurat/articles/integration_introduction",
    make: `a.obs = pd.DataFrame({"orig.ident": "IMMUNE", "stim": np.where(c, "CTRL", "STIM"), "seurat_annotations": a.obs["kind"].values, "seurat_clusters": np.arange(48) % 2}, index=a.obs_names)`,
    expect: {
      columns: { perturbation: "stim", control_label: "CTRL", cell_type: "seurat_annotations" },
      cellTypes: ["B cells", "T cells"],
    },
  },
  {
    name: "Azimuth: celltype.l1 and celltype.l2",
    seen: "https://github.com/satijalab/azimuth/issues/36",
    make: `a.obs = pd.DataFrame({"treatment": arm(a, "Vehicle", "IFN-beta", "IL-6"), "celltype.l1": a.obs["kind"].values, "celltype.l2": a.obs["kind"].values, "celltype.l2.score": 0.9}, index=a.obs_names)`,
    expect: { columns: { cell_type: "celltype.l2", control_label: "Vehicle" } },
  },
  {
    name: "CELLxGENE: cell types as ids alone",
    seen: "https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.1.0/schema.md",
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "TNF")); a.obs["cell_type"] = np.where(a.obs["cell_type"] == "T cells", "CL:0000084", "CL:0000236")`,
    expect: { cellTypeIds: ["CL:0000084", "CL:0000236"], cellTypes: ["CL:0000084", "CL:0000236"] },
  },
  {
    name: "CELLxGENE: ids beside names",
    seen: "https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/5.1.0/schema.md",
    make: `usual(a, treatment=arm(a, "untreated", "IFN-beta", "TNF")); a.obs["cell_type_ontology_term_id"] = np.where(a.obs["cell_type"] == "T cells", "CL:0000084", "CL:0000236")`,
    expect: { columns: { cell_type: "cell_type" }, cellTypes: ["B cells", "T cells"] },
  },
  {
    name: "Tahoe: DMSO_TF, cell_name beside CVCL ids",
    seen: "https://huggingface.co/datasets/tahoebio/Tahoe-100M",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"drug": arm(a, "DMSO_TF", "Dexamethasone", "Trametinib"), "cell_line": np.where(n % 2 == 0, "CVCL_0023", "CVCL_0459"), "cell_name": np.where(n % 2 == 0, "A549", "HOP62"), "plate": "plate1"}, index=a.obs_names)`,
    expect: {
      columns: { perturbation: "drug", control_label: "DMSO_TF", cell_type: "cell_name" },
      cellTypes: ["A549", "HOP62"],
    },
  },
  {
    name: "one cell line alone",
    seen: "own variation of https://github.com/sanderlab/scPerturb/issues/21",
    make: `a.obs = pd.DataFrame({"perturbation": arm(a, "control", "Trametinib", "Dexamethasone"), "cell_line": "K562"}, index=a.obs_names)`,
    expect: { columns: { cell_type: "cell_line" }, cellTypes: ["K562"] },
  },
  {
    name: "no column for the only cell line",
    seen: "own variation of https://github.com/snap-stanford/GEARS/issues/62",
    make: `a.obs = pd.DataFrame({"perturbation": arm(a, "control", "Trametinib", "Dexamethasone")}, index=a.obs_names)`,
    options: { cellType: "K562" },
    expect: { columns: { cell_type: null }, cellTypes: ["K562"] },
  },
  {
    name: "pertpy: untreated cells have no treatment",
    seen: "https://github.com/scverse/pertpy/issues/617",
    make: `usual(a, treatment=pd.Categorical([None if x else "IFN-beta" for x in c], categories=["IFN-beta"]))`,
    expect: {
      columns: { control_label: "control", missing_is_control: true },
      controls: ["control"],
      perturbations: ["IFN-beta"],
      cells: 48,
      warns: [/24 cells without a treatment were taken as controls/],
    },
  },
  {
    name: "OpenProblems: two vehicles in one column",
    seen: "own variation of https://github.com/openproblems-bio/task_perturbation_prediction/issues/80",
    make: `usual(a, sm_name=np.where(c, np.where(a.obs["from"] == "d1", "DMSO", "PBS"), arm(a, "", "IFN-beta", "Dexamethasone")))`,
    expect: {
      controls: ["DMSO", "PBS"],
      perturbations: ["Dexamethasone", "IFN-beta"],
      warns: [/"DMSO" was taken as the control; PBS would have fitted too/],
      silent: /no control group/,
    },
  },
  {
    name: "several controls told",
    seen: "own variation of https://github.com/openproblems-bio/task_perturbation_prediction/issues/80",
    make: `usual(a, sm_name=np.where(c, np.where(np.arange(48) % 4 < 1, "plain A", "plain B"), arm(a, "", "IFN-beta", "Dexamethasone")))`,
    options: { columns: { control_labels: ["plain A", "plain B"] } },
    expect: {
      columns: { control_labels: ["plain A", "plain B"], control_label: "plain A" },
      controls: ["plain A"],
      perturbations: ["Dexamethasone", "IFN-beta"],
    },
  },
  {
    name: "CPA: control as a flag",
    seen: "https://github.com/facebookresearch/CPA/issues/4",
    make: `usual(a, condition=arm(a, "solvent-12b", "Dex", "Tram"), control=np.where(c, 1, 0))`,
    expect: { columns: { perturbation: "condition", control_label: "solvent-12b" } },
  },
  {
    name: "group is coarser than the stimulus",
    seen: "https://github.com/czbiohub-sf/tabula-muris-senis/issues/39",
    make: `usual(a, group=np.where(c, "control", "stimulated"), stimulus_name=arm(a, "mock", "LPS", "IFN-gamma"))`,
    expect: { columns: { perturbation: "stimulus_name", control_label: "mock" } },
  },
  {
    name: "a control's name inside other labels",
    seen: "https://github.com/WayScience/pyroptosis_signature_data_analysis/blob/main/figures/data_splits_table/data_splits_table.md",
    make: `usual(a, treatment=arm(a, "DMSO 0.100%", "LPS + DMSO", "DMSO_Dexamethasone"))`,
    expect: { controls: ["DMSO 0.100%"], perturbations: ["DMSO_Dexamethasone", "LPS + DMSO"] },
  },
  {
    name: "compound ids beside names",
    seen: "own variation of https://github.com/openproblems-bio/task_perturbation_prediction/issues/80",
    make: `usual(a, compound=arm(a, "DMSO", "BRD-K38775274-001-19-8", "BRD-K12343256-001-08-9"), product_name=arm(a, "DMSO", "Dexamethasone", "Trametinib"))`,
    expect: { columns: { perturbation: "product_name" } },
  },
];
