import { GENES, type Layout } from "./layout.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const IDS = GENES.map(([, id]) => id);
const SYMBOLS = GENES.map(([symbol]) => symbol);
const loss = (...genes: string[]) => ({ genes, effect: "loss" }) as const;

/** Layouts of reports on other programs and collections, most of them by a file that was misread. */
export const reportedLayouts: readonly Layout[] = [
  {
    name: "scPerturb: nperts beside A_B",
    seen: "https://github.com/snap-stanford/GEARS/issues/62",
    make: `usual(a, perturbation=arm(a, "control", "STAT1", "STAT1_JAK2"), nperts=arm(a, 0, 1, 2).astype(int), perturbation_type="CRISPR")`,
    expect: {
      columns: { perturbation: "perturbation", control_label: "control" },
      genetic: { STAT1: loss("STAT1"), STAT1_JAK2: loss("STAT1", "JAK2") },
    },
  },
  {
    name: "Replogle in pertpy: perturbation of regions, gene of targets",
    seen: "https://github.com/scverse/pertpy/issues/916",
    make: `usual(a, perturbation=arm(a, "nan", "chr1.10050_top_two", "chr11.1801_top_two"), gene=arm(a, "non-targeting", "STAT1", "JAK2"))`,
    expect: {
      columns: { perturbation: "gene", control_label: "non-targeting" },
      perturbations: ["JAK2", "STAT1"],
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
    },
  },
  {
    name: "Ensembl ids with versions before symbols",
    seen: "https://github.com/EMBL-EBI-ABC/PerturbationCatalogue/pull/183",
    make: `${TREATED}; a.var = pd.DataFrame({"original_gene_symbol": list(names)}, index=[f"{k}.{n + 3}" for n, k in enumerate(ids)])`,
    expect: { genes: SYMBOLS, columns: { gene_symbols: "original_gene_symbol" } },
  },
  {
    name: "kallisto: Ensembl ids with versions alone",
    seen: "https://github.com/pachterlab/kb_python/issues/160",
    make: `${TREATED}; a.var = pd.DataFrame(index=[f"{k}.{n + 3}" for n, k in enumerate(ids)])`,
    expect: { columns: { gene_symbols: null }, warns: [/Ensembl/], formula: false },
  },
  {
    name: "nf-core: ids as index, symbols in gene_symbol",
    seen: "https://github.com/nf-core/scrnaseq/issues/363",
    make: `${TREATED}; a.var = pd.DataFrame({"gene_versions": [f"{k}.1" for k in ids], "gene_symbol": list(names)}, index=list(ids))`,
    expect: { genes: SYMBOLS, columns: { gene_symbols: "gene_symbol" } },
  },
  {
    name: "sfaira: ids as index and as a column",
    seen: "https://github.com/theislab/sfaira/issues/482",
    make: `${TREATED}; a.var = pd.DataFrame({"ensembl": list(ids), "gene_symbol": list(names)}, index=list(ids))`,
    expect: { genes: SYMBOLS },
  },
  {
    name: "symbols as index, ids in feature_name",
    seen: "https://github.com/microsoft/scFM-dataselection/pull/36",
    make: `${TREATED}; a.var = pd.DataFrame({"feature_name": list(ids)}, index=list(names))`,
    expect: { genes: SYMBOLS, columns: { gene_symbols: null } },
  },
  {
    name: "obs and var with columns of one name",
    seen: "https://github.com/scverse/anndata/issues/147",
    make: `${TREATED}; a.var["cell_type"] = pd.Categorical(["marker"] * 30); a.var["perturbation"] = pd.Categorical(["x"] * 30)`,
    expect: { perturbations: ["IFN-beta", "IL-6"], cellTypes: ["B cells", "T cells"] },
  },
  {
    name: "a category of one number",
    seen: "https://github.com/scverse/anndata/issues/184",
    make: `usual(a, perturbation=pd.Categorical(arm(a, "control", "IFN-beta", "IL-6")), batch=pd.Categorical([0] * 48), treatment=pd.Categorical([1] * 48))`,
    expect: { columns: { perturbation: "perturbation" }, cells: 48 },
  },
  {
    name: "numbers and texts of one value",
    seen: "https://github.com/scverse/anndata/issues/33",
    make: `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6")); a.obs["donor_id"] = pd.Categorical([1, "1"] * 24).astype(str)`,
    expect: { cells: 48, controls: ["control"] },
  },
  {
    name: "sci-Plex in lamindb: pert_time as text",
    seen: "https://github.com/laminlabs/lamindb/issues/3101",
    make: `usual(a, pert_name=arm(a, "control", "IFN-beta", "IFN-beta"), pert_time=arm(a, "24h", "24h", "72h"))`,
    expect: {
      columns: { perturbation: "pert_name" },
      covariates: ['{"time":"24h"}', '{"time":"72h"}'],
    },
  },
  {
    name: "X of one column, counts in raw",
    seen: "https://github.com/lmw123/DISCOtoolkit/issues/5",
    make: `${TREATED}
a.raw = a
def after(path):
    with h5py.File(path, "a") as f:
        del f["X"]
        f["X"] = np.zeros((48, 1), "f4")`,
    expect: { slot: "raw/X" },
  },
  {
    name: "scVelo: spliced and unspliced beside X",
    seen: "https://github.com/theislab/scvelo/issues/88",
    make: `${TREATED}; a.layers["spliced"] = a.X // 2 if not sp.issparse(a.X) else sp.csr_matrix(counts // 2); a.layers["unspliced"] = sp.csr_matrix(counts - counts // 2)`,
    expect: { slot: "X" },
  },
  {
    name: "double precision by gene",
    seen: "https://github.com/scverse/anndata/pull/217",
    make: `${TREATED}; a.X = sp.csc_matrix(counts.astype("float64"))`,
    expect: { slot: "X" },
  },
  {
    name: "unsorted indices with repeats",
    seen: "https://github.com/scverse/anndata/issues/1117",
    make: `${TREATED}
def after(path):
    with h5py.File(path, "a") as f:
        m = sp.csr_matrix(counts)
        data, indices, indptr = [], [], [0]
        for row in range(48):
            s = slice(m.indptr[row], m.indptr[row + 1])
            k, v = m.indices[s][::-1], m.data[s][::-1]
            data += [*(v - (v > 1)), *(1.0 * (v > 1))]; indices += [*k, *k]; indptr.append(len(data))
        for name, values in (("data", np.array(data, "f4")), ("indices", np.array(indices, "i8")), ("indptr", np.array(indptr, "i8"))):
            del f["X"][name]
            f["X"][name] = values`,
    expect: { slot: "X" },
  },
  {
    name: "nullable text, missing for controls",
    seen: "https://github.com/scverse/pertpy/issues/617",
    make: `${TREATED}; ad.settings.allow_write_nullable_strings = True; a.obs["perturbation"] = pd.array([None if each == "control" else each for each in a.obs["perturbation"]], dtype="string")`,
    expect: { perturbations: ["IFN-beta", "IL-6"], cells: 48 },
  },
  {
    name: "a category of a control that no cell has",
    seen: "https://github.com/scverse/anndata/issues/1000",
    make: `usual(a, perturbation=pd.Categorical(arm(a, "unstimulated", "IFN-beta", "IL-6"), categories=["control", "IFN-beta", "IL-6", "unstimulated"]))`,
    expect: { controls: ["unstimulated"], columns: { control_label: "unstimulated" } },
  },
  {
    name: "labels with spaces around them",
    seen: "https://github.com/scverse/scanpy/issues/102",
    make: `usual(a, perturbation=arm(a, "control ", " IFN-beta", "IL-6"))`,
    expect: { cells: 48, perturbationIds: { " IFN-beta": "ifn-beta", "IL-6": "il-6" } },
  },
  {
    name: "safe harbour as the control",
    seen: "https://github.com/satijalab/seurat/issues/4716",
    make: `usual(a, gene=arm(a, "AAVS1", "STAT1", "JAK2"))`,
    expect: {
      columns: { perturbation: "gene", control_label: "AAVS1" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
    },
  },
  {
    name: "two genes of a cell with a bar",
    seen: "https://github.com/sanderlab/scPerturb/issues/6",
    make: `usual(a, target_gene=arm(a, "non-targeting", "STAT1", "STAT1|JAK2"))`,
    expect: { genetic: { STAT1: loss("STAT1"), "STAT1|JAK2": loss("STAT1", "JAK2") } },
  },
  {
    name: "overexpression of transcription factors beside GFP",
    seen: "https://github.com/sanderlab/scPerturb/issues/23",
    make: `usual(a, perturbation=arm(a, "GFP", "KLF1", "CEBPE"), perturbation_type="ORF overexpression")`,
    expect: {
      columns: { control_label: "GFP" },
      genetic: {
        KLF1: { genes: ["KLF1"], effect: "gain" },
        CEBPE: { genes: ["CEBPE"], effect: "gain" },
      },
    },
  },
  {
    name: "gene ids as the targets, symbols beside them",
    seen: "https://github.com/thomasmaxwellnorman/Perturbseq_GI/issues/3",
    make: `usual(a, gene=arm(a, "non-targeting", "STAT1", "JAK2"), gene_id=arm(a, "non-targeting", "${IDS[6]}", "${IDS[19]}"))`,
    expect: {
      columns: { perturbation: "gene" },
      genetic: { STAT1: loss("STAT1"), JAK2: loss("JAK2") },
    },
  },
  {
    name: "doses as categories with their unit apart",
    seen: "own variation of https://github.com/laminlabs/lamindb/issues/3101",
    make: `usual(a, perturbation=arm(a, "DMSO", "IFN-beta", "IFN-beta"), dose_value=pd.Categorical(arm(a, "0", "0.1", "10")), dose_unit="uM")`,
    expect: { covariates: ['{"dose":"0.1 µM"}', '{"dose":"10 µM"}'] },
  },
  {
    name: "Tahoe: the dose in a list beside the drug",
    seen: "https://huggingface.co/datasets/tahoebio/Tahoe-100M",
    make: `usual(a, drug=arm(a, "DMSO_TF", "Dexamethasone", "Dexamethasone"), drugname_drugconc=arm(a, "[('DMSO_TF', 0.0, 'uM')]", "[('Dexamethasone', 0.05, 'uM')]", "[('Dexamethasone', 5.0, 'uM')]"), cell_name="A549"); del a.obs["cell_type"]`,
    expect: {
      columns: { perturbation: "drug", control_label: "DMSO_TF", cell_type: "cell_name" },
      covariates: ['{"dose":"0.05 µM"}', '{"dose":"5 µM"}'],
    },
  },
  {
    name: "GEARS: dose_val of combinations",
    seen: "https://github.com/snap-stanford/GEARS/issues/14",
    make: `usual(a, condition=arm(a, "ctrl", "KLF1+ctrl", "CEBPE+KLF1"), dose_val=arm(a, "1", "1+1", "1+1"), control=c.astype(int), condition_name=arm(a, "K562_ctrl_1", "K562_KLF1+ctrl_1+1", "K562_CEBPE+KLF1_1+1"))`,
    expect: {
      columns: { perturbation: "condition", control_label: "ctrl" },
      perturbations: ["CEBPE+KLF1", "KLF1+ctrl"],
      cells: 48,
    },
  },
  {
    name: "CROP-seq: guides alone",
    seen: "https://github.com/satijalab/seurat/issues/4716",
    make: `usual(a, guide_identity=arm(a, "NT_1", "STAT1_sg2", "JAK2_sg1"))`,
    expect: {
      columns: { perturbation: "guide_identity", control_label: "NT_1" },
      genetic: { STAT1_sg2: loss("STAT1"), JAK2_sg1: loss("JAK2") },
    },
  },
  {
    name: "columns without names",
    seen: "https://github.com/scverse/anndata/issues/84",
    make: `${TREATED}; a.obs["Unnamed: 0"] = np.arange(48); a.obs["index"] = [f"c{k}" for k in range(48)]; a.obs["0"] = "x"`,
    expect: { columns: { perturbation: "perturbation" }, perturbations: ["IFN-beta", "IL-6"] },
  },
  {
    name: "a column in a group, as slashes in names made it",
    seen: "https://github.com/scverse/anndata/issues/792",
    make: `${TREATED}
def after(path):
    with h5py.File(path, "a") as f:
        f["obs"].create_group("CD4")["CD8"] = np.arange(48)
        f["obs"].attrs["column-order"] = np.array([*f["obs"].attrs["column-order"], "CD4/CD8"], dtype=object)`,
    expect: { perturbations: ["IFN-beta", "IL-6"] },
  },
  {
    name: "whole numbers of 64 bits in a dense X",
    seen: "https://github.com/scverse/scanpy/issues/455",
    make: `${TREATED}; a.X = counts.astype("int64")`,
    expect: { slot: "X" },
  },
  {
    name: "raw genes named by number, symbols in X",
    seen: "https://github.com/scverse/scanpy/issues/171",
    make: `${TREATED}; raw = a.copy(); raw.var = pd.DataFrame({"gene_name": np.arange(30)}, index=[str(k) for k in range(30)]); a.raw = raw; a.X = counts - counts.mean(axis=0)`,
    expect: { slot: "raw/X", formula: false, warns: [/are no known gene symbols, so the biology/] },
  },
];
