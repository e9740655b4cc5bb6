import type { Layout } from "./layout.ts";

const TREATED = `usual(a, perturbation=arm(a, "control", "IFN-beta", "IL-6"))`;
const LOGS = "own variation of https://github.com/scverse/scanpy/issues/1333";
const BARNYARD =
  "own variation of https://www.10xgenomics.com/datasets/20k-hgmm-3p-ht-v-3-1-3-1-standard-6-1-0";

const transformed = [
  ["log2 of counts per million", "np.log2(1 + counts / counts.sum(1, keepdims=True) * 1e6)", "2"],
  [
    "log2 of counts per ten thousand",
    "np.log2(1 + counts / counts.sum(1, keepdims=True) * 1e4)",
    "2",
  ],
  [
    "log10 of counts per ten thousand",
    "np.log10(1 + counts / counts.sum(1, keepdims=True) * 1e4)",
    "10",
  ],
  ["log2 of counts", "np.log2(1 + counts)", "2"],
] as const;

/** Logarithms of other bases, genes of two species, and names with codes. */
export const valueLayouts: readonly Layout[] = [
  ...transformed.map(([name, values, base]): Layout => ({
    name,
    seen: LOGS,
    make: `${TREATED}; a.X = sp.csr_matrix((${values}).astype("float32"))`,
    expect: {
      slot: "X",
      cells: 48,
      warns: [
        new RegExp(
          `recovered from the log-normalised values of X \\(logarithms to base ${base}\\)`,
        ),
      ],
    },
  })),
  {
    name: "natural logarithms of counts per million, base noted as none",
    seen: LOGS,
    make: `${TREATED}; a.X = sp.csc_matrix(np.log1p(counts / counts.sum(1, keepdims=True) * 1e6).astype("float32")); a.uns["log1p"] = {"base": None}`,
    expect: { slot: "X", warns: [/recovered from the log-normalised values of X\./] },
  },
  {
    name: "barnyard: genomes before the symbols",
    seen: BARNYARD,
    make: `${TREATED}; a.var = pd.DataFrame(index=[f"GRCh38_{x}" for x in names[:15]] + [f"mm10___{x.capitalize()}" for x in names[:15]])`,
    expect: {
      genes: [...genesOf(15), ...genesOf(15).map((name) => `mm10___${capitalised(name)}`)],
      formula: false,
      warns: [/genes are of several genomes \(GRCh38, mm10\)/],
    },
  },
  {
    name: "barnyard: genomes in a column, ids as index",
    seen: BARNYARD,
    make: `${TREATED}; a.var = pd.DataFrame({"genome": ["GRCh38"] * 15 + ["mm10"] * 15, "gene_symbols": list(names[:15]) + [x.capitalize() for x in names[:15]]}, index=list(ids[:15]) + [f"ENSMUSG{k:011d}" for k in range(15)])`,
    expect: {
      genes: [
        ...genesOf(15),
        ...Array.from({ length: 15 }, (_, k) => `ENSMUSG${String(k).padStart(11, "0")}`),
      ],
      formula: false,
      warns: [/genes are of several genomes/],
    },
  },
  {
    name: "genes of a virus beside those of its host",
    seen: BARNYARD,
    make: `${TREATED}; a.var = pd.DataFrame(index=[f"GRCh38_{x}" for x in names[:29]] + ["SARS-CoV-2_N"])`,
    expect: { genes: [...genesOf(29), "SARS-CoV-2_N"], formula: false, silent: /several genomes/ },
  },
  {
    name: "sci-Plex: names with their codes",
    seen: "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSM4150378",
    make: `a.obs = pd.DataFrame({"cell_type": "A549", "dose": arm(a, 0, 10, 10000), "product_name": arm(a, "Vehicle", "Trametinib (GSK1120212)", "Tofacitinib (CP-690550) Citrate"), "pathway_level_1": arm(a, "Vehicle", "MAPK", "JAK"), "target": arm(a, "Vehicle", "MEK", "JAK"), "vehicle": c, "treatment": arm(a, "S0000", "S2673", "S2789")}, index=a.obs_names)`,
    expect: {
      columns: { perturbation: "product_name", control_label: "Vehicle" },
      perturbationIds: {
        "Trametinib (GSK1120212)": "trametinib",
        "Tofacitinib (CP-690550) Citrate": "tofacitinib",
      },
      cells: 48,
    },
  },
];

function genesOf(n: number): string[] {
  return [
    ..."ISG15 CD3D MS4A1 ACTB GAPDH B2M STAT1 IFNB1 TNF IL6 IFIT1 IFIT3 MX1 OAS1 CD14 LYZ NKG7".split(
      " ",
    ),
    ..."GNLY KLF1 JAK2 TP53 MYC NFKBIA CXCL10 HLA-DRA FKBP5 TSC22D3 CEBPE IRF1".split(" "),
  ].slice(0, n);
}

function capitalised(name: string): string {
  return `${name.slice(0, 1)}${name.slice(1).toLowerCase()}`;
}
