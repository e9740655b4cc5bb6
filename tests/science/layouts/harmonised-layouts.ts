import type { Layout } from "./layout.ts";

const AT = "https://github.com/sanderlab/scPerturb/blob/main/dataset_processing";
const loss = (...genes: string[]) => ({ genes, effect: "loss" }) as const;
const gain = (...genes: string[]) => ({ genes, effect: "gain" }) as const;
/** The columns that scPerturb adds to all its files. */
const harmonised = (line: string, type: string, how: string) =>
  `a.obs = a.obs.drop(columns=["cell_type", "donor_id"], errors="ignore").assign(celltype="${type}", cell_line="${line}", organism="human", disease="leukemia", cancer=True, tissue_type="cell_line", perturbation_type="${how}", nperts=np.where(c, 0, 1), ncounts=1000.0, ngenes=30, percent_mito=1.5, percent_ribo=2.5)`;

/** Files as scPerturb publishes them, and as its sources did. */
export const harmonisedLayouts: readonly Layout[] = [
  {
    name: "Adamson: constructs whose control only the paper names",
    seen: `${AT}/scripts/AdamsonWeissman2016.py`,
    make: `usual(a, perturbation=arm(a, "62(mod)_pBA581", "STAT1_pDS255", "JAK2_pDS263"), **{"read count": 100, "UMI count": 20})
${harmonised("K562", "lymphoblasts", "CRISPR")}; del a.obs["nperts"]`,
    expect: { refuses: /no value that marks control cells/ },
  },
  {
    name: "Adamson: constructs with a control in words",
    seen: "https://github.com/sanderlab/scPerturb/blob/main/dataset_processing/process_supp.py",
    make: `usual(a, perturbation=arm(a, "3x_neg_ctrl_pMJ144-1", "STAT1_pDS255", "JAK2_STAT1_pMJ158"))
${harmonised("K562", "lymphoblasts", "CRISPR")}`,
    expect: {
      controls: ["3x_neg_ctrl_pMJ144-1"],
      perturbations: ["JAK2_STAT1_pMJ158", "STAT1_pDS255"],
      genetic: { STAT1_pDS255: loss("STAT1"), JAK2_STAT1_pMJ158: loss("JAK2", "STAT1") },
    },
  },
  {
    name: "Dixit: guides of two genes collapsed and sorted",
    seen: `${AT}/snakemake/subworkflows/DixitRegev2016/DixitRegev2016.py`,
    make: `usual(a, perturbation=arm(a, "control", "STAT1", "IRF1_STAT1"), grna_lenient=arm(a, "p_INTERGENIC393453", "p_sgSTAT1_3 + p_INTERGENIC393453", "p_sgIRF1_2 + p_sgSTAT1_3"), target=arm(a, "INTERGENIC393453", "STAT1", "IRF1"), moi="normal", time="168", library="K562_TFs__7_days")
${harmonised("K562", "lymphoblasts", "CRISPR")}`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "control" },
      perturbations: ["IRF1_STAT1", "STAT1"],
      genetic: { STAT1: loss("STAT1"), IRF1_STAT1: loss("IRF1", "STAT1") },
      cells: 48,
    },
  },
  {
    name: "Dixit: guides as they were published",
    seen: `${AT}/snakemake/subworkflows/DixitRegev2016/DixitRegev2016_sub.py`,
    make: `usual(a, perturbation=arm(a, "p_INTERGENIC1216445", "p_sgSTAT1_3", "p_sgJAK2_2"), target=arm(a, "INTERGENIC1216445", "STAT1", "JAK2"), moi="high", time="None")
${harmonised("K562", "lymphoblasts", "CRISPR")}`,
    expect: { cells: 48, genetics: [loss("JAK2"), loss("STAT1")], formula: true },
  },
  {
    name: "Norman: pairs joined by a line",
    seen: `${AT}/download/Snakefile`,
    make: `usual(a, perturbation=arm(a, "control", "KLF1_CEBPE", "CEBPE"), guide_id=arm(a, "NegCtrl0_NegCtrl0__NegCtrl0_NegCtrl0", "KLF1_CEBPE__KLF1_CEBPE", "CEBPE_NegCtrl0__CEBPE_NegCtrl0"), good_coverage=True, gemgroup=1)
${harmonised("K562", "lymphoblasts", "CRISPR")}`,
    expect: {
      columns: { perturbation: "perturbation" },
      genetic: { KLF1_CEBPE: loss("KLF1", "CEBPE"), CEBPE: loss("CEBPE") },
      warns: [/is assumed/],
    },
  },
  {
    name: "Norman: identities of guides, twice",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE133344",
    make: `usual(a, guide_identity=arm(a, "NegCtrl0_NegCtrl0__NegCtrl0_NegCtrl0", "KLF1_CEBPE__KLF1_CEBPE", "STAT1_NegCtrl0__STAT1_NegCtrl0"), read_count=100, UMI_count=20, coverage=5.0, gemgroup=1, good_coverage=True, number_of_cells=1)`,
    expect: {
      controls: ["NegCtrl0_NegCtrl0__NegCtrl0_NegCtrl0"],
      genetic: {
        KLF1_CEBPE__KLF1_CEBPE: loss("KLF1", "CEBPE"),
        STAT1_NegCtrl0__STAT1_NegCtrl0: loss("STAT1"),
      },
    },
  },
  {
    name: "Aissa: drugs joined by a line, times in hours",
    seen: `${AT}/snakemake/subworkflows/AissaBenevolenskaya2021/AissaBenevolenskaya2021.py`,
    make: `usual(a, perturbation=arm(a, "control", "erlotinib", "osimertinib_crizotinib"), time=np.where(c, 0, 72), batch=arm(a, "D0", "D3", "D3"), subseries="GSE134839", replicate="None")
${harmonised("PC9", "epithelial cells", "drug")}`,
    expect: {
      perturbations: ["erlotinib", "osimertinib_crizotinib"],
      covariates: ['{"time":"72"}'],
      cells: 48,
      silent: /silenced/,
    },
  },
  {
    name: "sciPlex2: drugs at dose zero are the vehicle",
    seen: `${AT}/scripts/SrivatsanTrapnell2020.py`,
    make: `n = np.arange(48); usual(a, perturbation=np.where(c & (n % 8 < 4), "control", np.where(n % 8 < 4, "Dex", "SAHA")), dose_value=np.where(c & (n % 8 < 4), None, np.where(c, "0.0", np.where(n % 16 < 8, "1.0", "10.0"))), well="A1", top_to_second_best_ratio=5.0)
${harmonised("A549", "alveolar basal epithelial cells", "drug")}; del a.obs["nperts"]`,
    expect: {
      controls: ["control"],
      perturbations: ["Dex", "SAHA"],
      covariates: ['{"dose":"1.0"}', '{"dose":"10.0"}'],
      warns: [/given SAHA at dose zero were taken as controls/],
    },
  },
  {
    name: "sciPlex3: doses in nM, lines and what they are",
    seen: `${AT}/snakemake/subworkflows/SrivatsanTrapnell2020/SrivatsanTrapnell2020.py`,
    make: `n = np.arange(48); usual(a, perturbation=arm(a, "control", "Belinostat", "Dacinostat"), dose_value=np.where(c, 0.0, np.where(n % 16 < 8, 10.0, 1000.0)), time=24.0, target=arm(a, "Vehicle", "HDAC", "HDAC"), pathway=arm(a, "Vehicle", "Epigenetics", "Epigenetics"), pathway_level_1="x", plate="plate1", well="A1", replicate=np.where(n < 24, "rep1", "rep2"))
${harmonised("A549", "alveolar basal epithelial cells", "drug")}; a.obs["dose_unit"] = "nM"; a.obs["cell_line"] = np.where(n % 2 == 0, "A549", "MCF7"); a.obs["celltype"] = np.where(n % 2 == 0, "alveolar basal epithelial cells", "mammary epithelial cells")`,
    expect: {
      columns: { perturbation: "perturbation", dose: "dose_value", time: "time" },
      covariates: ['{"dose":"10 nM","time":"24"}', '{"dose":"1000 nM","time":"24"}'],
      cells: 48,
      silent: /silenced|splits/,
    },
  },
  {
    name: "sciPlex4: a second drug beside the first",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSM4150379",
    make: `n = np.arange(48); usual(a, perturbation=arm(a, "control", "Pracinostat", "Abexinostat"), dose_value=np.where(c, "0", "10"), perturbation_2=np.where(n // 4 % 3 == 0, "control", "GSK-LSD1"), dose_value_2=np.where(n // 4 % 3 == 0, "0", "20"), plate_id="p1", well_id="A1")
${harmonised("A549", "alveolar basal epithelial cells", "drug")}; a.obs["perturbation_type_2"] = "drug"`,
    expect: {
      columns: { perturbation: "perturbation", dose: "dose_value" },
      perturbations: ["Abexinostat", "Pracinostat"],
      cells: 48,
      warns: [/perturbation_2 .* compared with control cells of the same value/],
    },
  },
  {
    name: "Frangieh: knock-outs under three conditions",
    seen: "https://github.com/sanderlab/scPerturb/blob/main/dataset_processing/notebooks/data_processing_JS.ipynb",
    make: `n = np.arange(48); usual(a, perturbation=arm(a, "control", "STAT1", "JAK2"), perturbation_2=np.array(["Control", "IFNγ", "Co-culture"])[n // 4 % 3], sgRNA=arm(a, "NO_SITE_12", "STAT1_1", "JAK2_2"), MOI=1)
${harmonised("melanoma", "melanocytes", "CRISPR")}`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "control" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
      cells: 48,
      warns: [/perturbation_2 .*IFNγ.* compared with control cells of the same value/],
    },
  },
  {
    name: "Frangieh: guides as the portal has them",
    seen: "https://singlecell.broadinstitute.org/single_cell/study/SCP1064/multi-modal-pooled-perturb-cite-seq-screens",
    make: `n = np.arange(48); usual(a, sgRNA=np.where(c, np.where(n % 8 < 4, "NO_SITE_12", "ONE_NON-GENE_SITE_22"), arm(a, "", "STAT1_1", "JAK2_2")), condition=np.array(["Control", "IFNγ", "Co-culture"])[n // 4 % 3], MOI=1, library_preparation_protocol="10x", UMI_count=10)`,
    expect: {
      columns: { perturbation: "sgRNA" },
      controls: ["NO_SITE_12"],
      genetic: { STAT1_1: loss("STAT1"), JAK2_2: loss("JAK2") },
      cells: 48,
      warns: [/condition .*Co-culture.* compared with control cells of the same value/],
    },
  },
  {
    name: "Cui: cytokines in mice, with their families",
    seen: `${AT}/snakemake/subworkflows/CuiHacohen2023/CuiHacohen2023.py`,
    make: `usual(a, perturbation=arm(a, "control", "IFNb", "IL6"), cytokine_family=arm(a, "Control", "Interferon", "IL-6/IL-12"), bio_replicate="rep01", hashtag_ID="B0301")
${harmonised("x", "B_cell", "cytokines")}; del a.obs["cell_line"]; a.obs["organism"] = "mouse"`,
    expect: {
      columns: { perturbation: "perturbation" },
      perturbationIds: { IFNb: "ifn-beta", IL6: "il-6" },
      genetic: { IFNb: null, IL6: null },
      cells: 48,
      silent: /silenced|splits/,
    },
  },
  {
    name: "Joung: factors expressed, in pairs, beside a reporter",
    seen: `${AT}/snakemake/subworkflows/JoungZhang2023/JoungZhang2023_combinatorial.py`,
    make: `usual(a, TF=arm(a, "TFORF3550-GFP", "TFORF0001-KLF1", "TFORF0002-IRF1,TFORF0001-KLF1"), perturbation=arm(a, "GFP", "KLF1", "IRF1+KLF1"))
${harmonised("hESCs", "hESCs", "ORF overexpression")}`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "GFP" },
      genetic: { KLF1: gain("KLF1"), "IRF1+KLF1": gain("IRF1", "KLF1") },
      cells: 48,
    },
  },
  {
    name: "combosciplex: two drugs in columns and in one",
    seen: `${AT}/snakemake/subworkflows/LotfollahiTheis2023/LotfollahiTheis2023.py`,
    make: `usual(a, Drug1=arm(a, "DMSO", "DMSO", "Dasatinib"), Drug2=arm(a, "DMSO", "Panobinostat", "Panobinostat"), perturbation=arm(a, "control", "Panobinostat", "Dasatinib_Panobinostat"), Size_Factor=1.0, RT_well="A1", Well="B2")
${harmonised("A549", "lung epithelial cells", "drug")}`,
    expect: {
      columns: { perturbation: "perturbation" },
      perturbations: ["Dasatinib_Panobinostat", "Panobinostat"],
      cells: 48,
      silent: /left out/,
    },
  },
  {
    name: "Wessels: pairs of genes with NT on either side",
    seen: `${AT}/snakemake/subworkflows/WesselsSatija2023/WesselsSatija2023.py`,
    make: `n = np.arange(48); usual(a, GenePair=np.where(c, "NT_NT", np.where(n % 16 < 4, "NT_STAT1", np.where(n % 16 < 8, "STAT1_IRF1", np.where(n % 16 < 12, "STAT1_NT", "IRF1_STAT1")))), Guides="g", **{"CRISPR.Array": "a", "TenX.Lane": "L1"})`,
    options: { columns: { perturbation: "GenePair" } },
    expect: {
      controls: ["NT_NT"],
      genetics: [loss("IRF1", "STAT1"), loss("STAT1")],
      perturbations: ["IRF1_STAT1", "NT_STAT1", "STAT1_NT"],
      cells: 48,
    },
  },
  {
    name: "Yao: guides collapsed by gene, joined by two dashes",
    seen: `${AT}/snakemake/subworkflows/YaoCleary2023/YaoCleary2023.py`,
    make: `usual(a, Guides_collapsed_by_gene=np.where(c, np.where(np.arange(48) % 8 < 4, "safe-targeting", "non-targeting--safe-targeting"), arm(a, "", "STAT1--safe-targeting", "JAK2--STAT1")), Guides="g", Total_number_of_guides=2, Biological_replicate="1", Total_RNA_count=100)`,
    expect: {
      columns: { perturbation: "Guides_collapsed_by_gene" },
      genetic: { "STAT1--safe-targeting": loss("STAT1"), "JAK2--STAT1": loss("JAK2", "STAT1") },
      cells: 48,
    },
  },
  {
    name: "Santinha: safe harbour by its first letter",
    seen: `${AT}/snakemake/subworkflows/SantinhaPlatt2023/SantinhaPlatt2023.py`,
    make: `usual(a, per_gene=arm(a, "Safe_H", "STAT1", "JAK2"), gRNAs=arm(a, "Safe_H_1", "STAT1_1", "JAK2_2"), nCount_RNA=100.0)`,
    options: { columns: { perturbation: "per_gene" } },
    expect: { controls: ["Safe_H"], genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") } },
  },
  {
    name: "Xu: NO-TARGET, with nascent counts in a layer",
    seen: `${AT}/snakemake/subworkflows/XuCao2023/XuCao2023.py`,
    make: `usual(a, target_genes=arm(a, "NO-TARGET", "STAT1", "JAK2"), target=arm(a, "sgNTC_1", "sgSTAT1_2", "sgJAK2_1"), gRNA_UMI_counts=5, UMI_counts=100, nascent_ratio=0.2, Cell_cycle_phase="G1")
a.layers["nascent_counts"] = sp.csr_matrix(np.floor(counts / 2))`,
    expect: {
      slot: "X",
      controls: ["NO-TARGET"],
      columns: { perturbation: "target_genes" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
    },
  },
  {
    name: "Liang: the medium is a condition of its own",
    seen: `${AT}/snakemake/subworkflows/LiangWang2023/LiangWang2023.py`,
    make: `usual(a, guide_id=arm(a, "NT_1", "STAT1_1", "JAK2_2"), guide_sequence="ACGT", perturbation=arm(a, "control", "STAT1", "JAK2"), medium=np.where(np.arange(48) // 4 % 3 == 0, "Differentiation Medium", "Expansion Medium"))
${harmonised("organoids", "hepatocyte", "CRISPR-cas9")}`,
    expect: {
      columns: { perturbation: "perturbation" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
      warns: [/medium .* compared with control cells of the same value/],
    },
  },
  {
    name: "Datlinger: libraries of guides, genes beside them, stimulated or not",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE92872",
    make: `usual(a, perturbation=arm(a, "control", "Tcrlibrary_STAT1_1", "Tcrlibrary_JAK2_2"), target=arm(a, None, "STAT1", "JAK2"), perturbation_2=np.where(np.arange(48) // 4 % 3 == 0, "unstimulated", "stimulated"), replicate="1")
${harmonised("Jurkat cells", "T cells", "CRISPR")}; a.obs["perturbation_type_2"] = "TCR stimulation"`,
    expect: {
      genetics: [loss("JAK2"), loss("STAT1")],
      cells: 48,
      warns: [/perturbation_2 .* compared with control cells of the same value/],
    },
  },
  {
    name: "Zhao: doses as text, none of controls",
    seen: `${AT}/ZhaoSims2021.py`,
    make: `usual(a, perturbation=arm(a, "control", "Etoposide", "Panobinostat"), dose_value=arm(a, None, "10", "0.2"), dose_unit=arm(a, None, "uM", "uM"), sample=np.where(np.arange(48) < 24, "PW030", "PW032"))
${harmonised("x", "unknown", "drug")}; del a.obs["cell_line"]`,
    expect: {
      columns: { perturbation: "perturbation" },
      covariates: ['{"dose":"0.2 µM"}', '{"dose":"10 µM"}'],
      cellTypes: ["unknown"],
    },
  },
  {
    name: "Zhao: amounts before the name, and two kinds of control",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE148842",
    make: `usual(a, treatment=np.where(c, np.where(np.arange(48) % 8 < 4, "vehicle (DMSO)", "none"), arm(a, "", "10 uM Etoposide", "0.2 uM Panobinostat")))`,
    expect: {
      columns: { perturbation: "treatment", control_label: "vehicle (DMSO)" },
      perturbations: ["Etoposide", "Panobinostat"],
      covariates: ['{"dose":"0.2 µM"}', '{"dose":"10 µM"}'],
    },
  },
  {
    name: "Qin: genotypes beside a culture with other cells",
    seen: `${AT}/snakemake/subworkflows/QinTape2023/QinTape2023_scRNAseq.py`,
    make: `n = np.arange(48); usual(a, perturbation=arm(a, "WT", "AKP", "AK"), perturbation_2=np.array([None, "Fib", "Mac-Fib"])[n // 4 % 3])
${harmonised("CRC organoid", "colon epithelial cell", "genotype")}; a.obs["perturbation_type_2"] = "coculture"`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "WT" },
      perturbations: ["AK", "AKP"],
      cells: 48,
      warns: [/perturbation_2 .* compared with control cells of the same value/],
    },
  },
  {
    name: "Schiebinger: media, none of them a control",
    seen: `${AT}/scripts/SchiebingerLander2019.py`,
    make: `usual(a, perturbation=arm(a, "serum", "2i (LIF+MEKi+GSK3i)", "Dox"), age=np.where(np.arange(48) < 24, "D3", "D6"), GSM="GSM1", replicate="1")
${harmonised("x", "mESCs", "drug")}; del a.obs["nperts"]; del a.obs["cell_line"]`,
    expect: { refuses: /no value that marks control cells/ },
  },
  {
    name: "Weinreb: cytokines, none of them a control",
    seen: `${AT}/WeinrebKlein2020.py`,
    make: `usual(a, perturbation=arm(a, "TPO", "IL6", "GMCSF"), age="day 4", library_names="L1")
${harmonised("x", "Undifferentiated", "cytokine")}; del a.obs["nperts"]`,
    expect: { refuses: /no value that marks control cells/ },
  },
];
