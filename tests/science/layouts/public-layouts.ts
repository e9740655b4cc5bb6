import type { Layout } from "./layout.ts";

/** All columns of files as their makers publish them, beside those that matter. */
export const publicLayouts: readonly Layout[] = [
  {
    name: "CELLxGENE schema 6: raw counts, flags and ids of everything",
    seen: "https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/6.0.0/schema.md",
    make: `usual(a, treatment=arm(a, "untreated", "IFN-beta", "TNF"), tissue="blood", tissue_type="tissue", is_primary_data=True, suspension_type="cell", disease="normal", sex="female", observation_joinid=[f"x{k}" for k in range(48)])
a.obs["cell_type_ontology_term_id"] = pd.Categorical(np.where(a.obs["cell_type"] == "T cells", "CL:0000084", "CL:0000236"))
a.var = pd.DataFrame({"feature_name": pd.Categorical(names), "feature_is_filtered": [False] * 29 + [True], "feature_reference": "NCBITaxon:9606", "feature_biotype": "gene", "feature_type": "protein_coding"}, index=list(ids))
a.raw = a.copy(); a.X = sp.csr_matrix(log1p(counts)); a.uns["organism_ontology_term_id"] = "NCBITaxon:9606"`,
    expect: {
      columns: { perturbation: "treatment", cell_type: "cell_type", gene_symbols: "feature_name" },
      slot: "raw/X",
      perturbationIds: { "IFN-beta": "ifn-beta", TNF: "tnf" },
      cells: 48,
      silent: /left out|splits/,
    },
  },
  {
    name: "OP3: a flag of controls that positive ones have too",
    seen: "https://www.kaggle.com/competitions/open-problems-single-cell-perturbations/data",
    make: `n = np.arange(48); usual(a, sm_name=arm(a, "Dimethyl Sulfoxide", "Dabrafenib", "Trametinib"), sm_lincs_id=arm(a, "LSM-36361", "LSM-5467", "LSM-1101"), SMILES=arm(a, "CS(C)=O", "CC1", "CC2"), dose_uM=arm(a, 14.1, 1.0, 1.0), timepoint_hr=24, control=c | (a.obs["arm"].values == "A"), plate_name=np.where(n % 2 == 0, "plate_0", "plate_1"), row="A", col=n % 12, library_id="l")`,
    expect: {
      columns: { perturbation: "sm_name", control_label: "Dimethyl Sulfoxide", dose: "dose_uM" },
      perturbations: ["Dabrafenib", "Trametinib"],
      covariates: ['{"dose":"1 µM","time":"24 h"}'],
      cells: 48,
      silent: /splits|no control group/,
    },
  },
  {
    name: "Replogle: genes, transcripts and guides",
    seen: "https://plus.figshare.com/articles/dataset/20029387",
    make: `usual(a, gem_group=1, gene=arm(a, "non-targeting", "STAT1", "JAK2"), gene_id=arm(a, "non-targeting", "ENSG00000115415", "ENSG00000096968"), transcript=arm(a, "non-targeting", "P1P2", "P1"), gene_transcript=arm(a, "0_non-targeting", "1_STAT1_P1P2_ENSG00000115415", "2_JAK2_P1_ENSG00000096968"), sgID_AB=arm(a, "non-targeting_00001|non-targeting_00002", "STAT1_a|STAT1_b", "JAK2_a|JAK2_b"), UMI_count=1000.0, z_gemgroup_UMI=0.1, core_scale_factor=1.0)
a.var = pd.DataFrame({"gene_name": list(names), "chr": "chr1", "class": "gene", "strand": "+"}, index=list(ids))`,
    expect: {
      columns: { perturbation: "gene", control_label: "non-targeting", gene_symbols: "gene_name" },
      perturbations: ["JAK2", "STAT1"],
      cells: 48,
      silent: /splits|left out/,
    },
  },
  {
    name: "Papalexi: hashtags, guides, genes and what mixscape made of them",
    seen: "https://satijalab.org/seurat/articles/mixscape_vignette",
    make: `usual(a, MULTI_ID="rep1-tx", HTO_classification="rep1-tx", guide_ID=arm(a, "NTg1", "STAT1g2", "JAK2g1"), gene=arm(a, "NT", "STAT1", "JAK2"), crispr=np.where(c, "NT", "Perturbed"), con="tx", NT=arm(a, "NT", "STAT1g2", "JAK2g1"), perturb=np.where(c, "NT", "Perturbed"), replicate="rep1", Phase="G1")`,
    expect: {
      columns: { perturbation: "gene", control_label: "NT" },
      perturbations: ["JAK2", "STAT1"],
      cells: 48,
      silent: /splits|left out/,
    },
  },
  {
    name: "MIX-Seq: lines, doses without unit in controls, verdicts on cells",
    seen: "https://zenodo.org/records/10044268",
    make: `n = np.arange(48); a.obs = pd.DataFrame({"cell_line": np.where(n % 2 == 0, "A549", "HT29"), "perturbation": arm(a, "control", "Trametinib", "Dabrafenib"), "dose_value": np.where(c, np.nan, 0.1), "dose_unit": "uM", "time": "24", "cell_quality": np.where(n % 8 == 7, "doublet", np.where(n % 8 == 3, "low_quality", "normal")), "disease": np.where(n % 2 == 0, "lung cancer", "colon cancer")}, index=a.obs_names)`,
    expect: {
      cellTypes: ["A549", "HT29"],
      covariates: ['{"dose":"0.1 µM","time":"24"}'],
      cells: 42,
      warns: [/6 cells were left out.*cell_quality/, /6 cells are not good by cell_quality/],
      silent: /splits/,
    },
  },
];
