import type { GeneticReading } from "../../../science/atlas/atlas-index.ts";
import type { ImportOptions } from "../../../science/atlas/import.ts";

/**
 * A layout that files of others have, made from `a`: 48 cells, 30 genes, counts by a formula, obs
 * `kind` (T cells, B cells), `arm` (control, A, B by fours) and `from` (d1, d2).
 */
export interface Layout {
  readonly name: string;
  /** Where such a file was seen, or the page from which our own variation of it departs. */
  readonly seen: string;
  /** Python that turns the AnnData `a` into the layout; `c` is true for control cells. */
  readonly make: string;
  readonly options?: Pick<
    ImportOptions,
    "columns" | "only" | "layer" | "repeatedGenes" | "cellType" | "perturbationType"
  >;
  readonly expect: {
    readonly columns?: Readonly<Record<string, unknown>>;
    readonly slot?: string;
    /** Labels of groups that are not controls, sorted. */
    readonly perturbations?: readonly string[];
    readonly controls?: readonly string[];
    readonly cellTypes?: readonly string[];
    readonly cellTypeIds?: readonly (string | null)[];
    readonly perturbationIds?: Readonly<Record<string, string | null>>;
    readonly genetic?: Readonly<Record<string, GeneticReading | null>>;
    /** The distinct readings, whatever their labels, sorted by genes. */
    readonly genetics?: readonly GeneticReading[];
    readonly genes?: readonly string[];
    /** Distinct covariates of the perturbed groups, as JSON. */
    readonly covariates?: readonly string[];
    readonly cells?: number;
    /** Whether the groups hold the counts of the formula; true unless said. */
    readonly formula?: boolean;
    /** Each has to match one warning. */
    readonly warns?: readonly RegExp[];
    /** No warning may match. */
    readonly silent?: RegExp;
    /** Why it is not imported; nothing else is expected then. */
    readonly refuses?: RegExp;
  };
}

export const GENES = [
  ["ISG15", "ENSG00000187608"],
  ["CD3D", "ENSG00000167286"],
  ["MS4A1", "ENSG00000156738"],
  ["ACTB", "ENSG00000075624"],
  ["GAPDH", "ENSG00000111640"],
  ["B2M", "ENSG00000166710"],
  ["STAT1", "ENSG00000115415"],
  ["IFNB1", "ENSG00000171855"],
  ["TNF", "ENSG00000232810"],
  ["IL6", "ENSG00000136244"],
  ["IFIT1", "ENSG00000185745"],
  ["IFIT3", "ENSG00000119917"],
  ["MX1", "ENSG00000157601"],
  ["OAS1", "ENSG00000089127"],
  ["CD14", "ENSG00000170458"],
  ["LYZ", "ENSG00000090382"],
  ["NKG7", "ENSG00000105374"],
  ["GNLY", "ENSG00000115523"],
  ["KLF1", "ENSG00000105610"],
  ["JAK2", "ENSG00000096968"],
  ["TP53", "ENSG00000141510"],
  ["MYC", "ENSG00000136997"],
  ["NFKBIA", "ENSG00000100906"],
  ["CXCL10", "ENSG00000169245"],
  ["HLA-DRA", "ENSG00000204287"],
  ["FKBP5", "ENSG00000096060"],
  ["TSC22D3", "ENSG00000157514"],
  ["CEBPE", "ENSG00000092067"],
  ["IRF1", "ENSG00000125347"],
  ["MT-CO1", "ENSG00000198804"],
] as const;

/** The count of a cell ("c12") and a gene by its position. */
export function countOf(cell: string, gene: number): number {
  const i = Number(cell.slice(1));
  return (i * gene + i + 2 * gene + (gene === 3 ? 1 : 0)) % 7;
}

export const PYTHON = `
import json, sys, warnings, numpy as np, pandas as pd, scipy.sparse as sp, anndata as ad, h5py
warnings.filterwarnings("ignore")
given = json.loads(sys.argv[1])
names, ids = zip(*given["genes"])
i, j = np.meshgrid(np.arange(48), np.arange(30), indexing="ij")
counts = ((i * j + i + 2 * j + (j == 3)) % 7).astype(np.float32)
c = np.arange(48) % 4 < 2
def base():
    n = np.arange(48)
    obs = pd.DataFrame({
        "kind": np.where(n % 2 == 0, "T cells", "B cells"),
        "arm": np.where(c, "control", np.where(n % 8 < 4, "A", "B")),
        "from": np.where(n < 24, "d1", "d2")}, index=[f"c{k}" for k in n])
    return ad.AnnData(X=sp.csr_matrix(counts), obs=obs, var=pd.DataFrame({"ensembl_id": list(ids)}, index=list(names)))
def usual(a, **more):
    """The usual columns, and others."""
    a.obs = pd.DataFrame({"cell_type": a.obs["kind"].values, "donor_id": a.obs["from"].values, **more}, index=a.obs_names)
def arm(a, control, one, two):
    return np.where(c, control, np.where(a.obs["arm"] == "A", one, two))
def log1p(x):
    return np.log1p(x / x.sum(axis=1, keepdims=True) * 1e4).astype(np.float32)
for layout in given["layouts"]:
    a = base()
    path = layout["path"]
    after = None
    scope = {**globals(), "a": a, "path": path}
    exec(layout["make"], scope)
    if "after" in scope and scope["after"] is not None:
        a.write_h5ad(path); scope["after"](path)
    else:
        scope["a"].write_h5ad(path)
print("{}")
`;
