/** The field's usual names of obs columns, most telling first; compared by their `plain` form. */

const CELL_TYPE = [
  "cell_type",
  "celltypes",
  "cell_type_name",
  "cell_label",
  "cell_types",
  "cell_annotation",
  "annotation",
  "annotations",
  "celltype_annotation",
  "predicted_celltype",
  "majority_voting",
  "seurat_annotations",
  "cell_type_original",
  "author_cell_type",
  "cell_ontology_class",
  "free_annotation",
  "cell_class",
  "cell_subtype",
  "cell_identity",
  "celltype_l2",
  "celltype_l1",
  "celltype_l3",
  "predicted_celltype_l2",
  "predicted_celltype_l1",
  "predicted_id",
  "bulk_labels",
  "cell_type_ontology_term_id",
  "cell_line",
  "cell_name",
  "cell_line_name",
  "cell_line_id",
  "cell_id_cello",
  "cell",
  "leiden",
  "louvain",
  "seurat_clusters",
  "clusters",
  "cluster",
];
/** Others that tell a cell type: "celltype_fine", "CellAnnotation", "cluster_label". */
const CELL_TYPE_LIKE =
  /cell(type|class|identity|label|annot|ontologyclass|state)|^(cluster|final|manual|broad|fine|major|minor)(label|annot|celltype|name)/;
const NOT_CELL_TYPE = /score|prob|conf|color|colour|umi|count|ncell|uncertainty|entropy|colors$/;

export const PERTURBATION = [
  "perturbation",
  "perturbations",
  "perturbation_name",
  "treatment",
  "treatments",
  "cytokine",
  "cytokines",
  "stimulation",
  "stimulus",
  "stim",
  "drug",
  "drug_name",
  "compound",
  "compound_name",
  "sm_name",
  "product_name",
  "treatment_agent",
  "agent",
  "ligand",
  "gene_target",
  "target_gene",
  "target_genes",
  "gene_targets",
  "targeted_gene",
  "targeted_genes",
  "guide_target",
  "guide_identity",
  "guide_ids",
  "guide",
  "feature_call",
  "sgrna",
  "knockout",
  "condition",
  "conditions",
];
/** Names that mean a perturbation only when the column also holds a control label. */
export const PERTURBATION_IF_CONTROL = [
  "gene",
  "target",
  "exposure",
  "status",
  "group",
  "label",
  "sample_type",
  "batch_condition",
];
/** Others that tell a perturbation when they hold a control label: "crispr_target", "pert_name". */
export const PERTURBATION_LIKE =
  /pert|treat|cytokin|stimul|drug|compound|ligand|agent|guide|sgrna|grna|knock|crispr|inhibitor|condition|exposure|chemical|morphogen|growthfactor/;
export const NOT_PERTURBATION =
  /type$|class$|method|count|umi|frac|^n(um)?(pert|guide|grna|sgrna)|ncells|score|prob|conf|dose|conc|time|hour|day|ontology|smiles|cid$|plate|batch|well|color|moa|pathway|purity|coverage|read|pass|quality|good|ident$/;
/** What came of a treatment: no treatment, and yet it may set cells apart. */
export const OUTCOME = /respon[ds]|outcome|resistan|sensitiv/;

export const DONOR = [
  "donor_id",
  "donor",
  "patient_id",
  "patient",
  "individual",
  "individual_id",
  "subject_id",
  "subject",
  "participant",
  "ind",
  "replicate",
];

/** The existing columns that have one of the names, in the order of the names. */
export function allOf(usual: readonly string[], existing: readonly string[]): string[] {
  return [
    ...new Set(usual.flatMap((name) => existing.filter((each) => plain(each) === plain(name)))),
  ];
}

export function cellTypeNames(existing: readonly string[]): string[] {
  const like = existing.filter(
    (name) => CELL_TYPE_LIKE.test(plain(name)) && !NOT_CELL_TYPE.test(plain(name)),
  );
  const usual = allOf(CELL_TYPE, existing);
  const last = usual.findIndex((name) =>
    /ontologyterm|cellline|cellname|leiden|louvain|cluster/.test(plain(name)),
  );
  const cut = last < 0 ? usual.length : last;
  return [...new Set([...usual.slice(0, cut), ...like, ...usual.slice(cut)])];
}

/** Names without case, spaces and punctuation. */
export function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}
