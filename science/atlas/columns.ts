import type { AtlasColumns } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import { columnLabels } from "../anndata/frame.ts";
import type { H5adFile } from "../anndata/open.ts";

/** Usual names, most telling first; compared without case, spaces and punctuation. */
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
  "cell_class",
  "cell_subtype",
  "cell_identity",
  "celltype_l1",
  "celltype_l2",
  "bulk_labels",
  "cell_line",
  "cell_name",
  "leiden",
  "louvain",
  "seurat_clusters",
  "clusters",
  "cluster",
];
const PERTURBATION = [
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
  "agent",
  "ligand",
  "gene_target",
  "target_gene",
  "guide_target",
  "guide_identity",
  "guide_ids",
  "guide",
  "sgrna",
  "knockout",
  "condition",
  "conditions",
];
/** Names that mean a perturbation only when the column also holds a control label. */
const PERTURBATION_IF_CONTROL = [
  "gene",
  "target",
  "exposure",
  "status",
  "group",
  "label",
  "sample_type",
  "batch_condition",
];
const DONOR = [
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
const GENE_SYMBOLS = [
  "feature_name",
  "gene_symbol",
  "gene_symbols",
  "gene_name",
  "gene_names",
  "symbol",
  "hgnc_symbol",
  "gene_short_name",
  "name",
];
const CONTROL = [
  /^(negative |neg )?(control|ctrl|ctl)s?$/,
  /^(non ?targeting|ntc?|scrambled?|safe targeting)( control)?$/,
  /^(dmso|dimethyl sulfoxide|pbs|vehicle|mock|saline|medium|media)( control)?$/,
  /^(un(stimulated|stim|treated|perturbed)|untreated|no (treatment|perturbation|stimulation|cytokine)|resting|baseline)$/,
  /^none$/,
  /^(control|ctrl|dmso|pbs|vehicle|non targeting|mock|unstim\w*|untreated)\b/,
];
const ENSEMBL = /^ENS[A-Z]*G\d{6,}/;

/**
 * What the columns of a file seem to mean; null where nothing fits (for donor and gene_symbols null
 * is a valid choice).
 */
export type GuessedColumns = { readonly [Key in keyof AtlasColumns]: AtlasColumns[Key] | null };

/**
 * Guesses the meaning of obs columns from the field's usual names. `genes` are the names in the var
 * index used.
 */
export function guessColumns(file: H5adFile, told: Partial<AtlasColumns> = {}): GuessedColumns {
  const obs = file
    .columns("obs")
    .filter(({ kind }) => kind !== "unsupported")
    .map(({ name }) => name);
  const perturbation = told.perturbation ?? guessPerturbation(file, obs);
  return {
    cell_type: told.cell_type ?? firstOf(CELL_TYPE, obs),
    perturbation,
    donor: told.donor === undefined ? firstOf(DONOR, obs) : told.donor,
    gene_symbols: told.gene_symbols === undefined ? guessGeneSymbols(file) : told.gene_symbols,
    control_label:
      told.control_label ??
      (perturbation === null ? null : (controlLabels(file, perturbation)[0] ?? null)),
  };
}

/**
 * Labels of the perturbation column that look like controls, the most telling first. @throws
 * COLUMN_NOT_FOUND
 */
export function controlLabels(file: H5adFile, perturbation: string): string[] {
  const labels = new Set(
    columnLabels(file.column("obs", perturbation)).filter((label) => label !== null),
  );
  return [...labels]
    .filter((label) => controlRank(label) >= 0)
    .toSorted((a, b) => controlRank(a) - controlRank(b) || (a < b ? -1 : 1));
}

/**
 * The meaning of every column, told or guessed. @throws PERTURBATION_COLUMN_MISSING,
 * COLUMN_NOT_FOUND, CONTROL_LABEL_MISSING
 */
export function resolveColumns(file: H5adFile, told: Partial<AtlasColumns>): AtlasColumns {
  for (const name of [told.cell_type, told.perturbation, told.donor])
    if (typeof name === "string") file.column("obs", name);
  if (typeof told.gene_symbols === "string") file.column("var", told.gene_symbols);
  const {
    cell_type: cellType,
    perturbation,
    donor,
    gene_symbols: geneSymbols,
    control_label: control,
  } = guessColumns(file, told);
  const existing =
    file
      .columns("obs")
      .map(({ name }) => name)
      .join(", ") || "none";
  if (perturbation === null) {
    const message = `No obs column of ${file.path} contains the perturbation; name one with --perturbation-column (the columns are: ${existing}).`;
    throw new HaystackError("PERTURBATION_COLUMN_MISSING", message);
  }
  if (cellType === null) {
    throw new HaystackError(
      "COLUMN_NOT_FOUND",
      `No obs column of ${file.path} contains the cell type; name one with --cell-type-column (the columns are: ${existing}).`,
    );
  }
  const labels = new Set(columnLabels(file.column("obs", perturbation)));
  if (control === null || !labels.has(control)) {
    const some = [...labels]
      .filter((label) => label !== null)
      .slice(0, 20)
      .join(", ");
    const wrong =
      control === null ? "has no value that marks control cells" : `has no value "${control}"`;
    throw new HaystackError(
      "CONTROL_LABEL_MISSING",
      `Column "${perturbation}" of ${file.path} ${wrong}; name the control with --control-label (values: ${some}).`,
    );
  }
  return {
    cell_type: cellType,
    perturbation,
    donor,
    gene_symbols: geneSymbols,
    control_label: control,
  };
}

function guessPerturbation(file: H5adFile, obs: readonly string[]): string | null {
  const likely = allOf(PERTURBATION, obs);
  const possible = [...likely, ...allOf(PERTURBATION_IF_CONTROL, obs)];
  return possible.find((name) => controlLabels(file, name).length > 0) ?? likely[0] ?? null;
}

function guessGeneSymbols(file: H5adFile): string | null {
  const index = file.index("var").slice(0, 100);
  if (index.filter((name) => ENSEMBL.test(name)).length * 2 <= index.length) return null;
  const text = file
    .columns("var")
    .filter(({ kind }) => kind === "string" || kind === "categorical");
  return firstOf(
    GENE_SYMBOLS,
    text.map(({ name }) => name),
  );
}

function firstOf(usual: readonly string[], existing: readonly string[]): string | null {
  return allOf(usual, existing)[0] ?? null;
}

function allOf(usual: readonly string[], existing: readonly string[]): string[] {
  return [
    ...new Set(usual.flatMap((name) => existing.filter((each) => plain(each) === plain(name)))),
  ];
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function controlRank(label: string): number {
  return CONTROL.findIndex((pattern) =>
    pattern.test(
      label
        .toLowerCase()
        .replaceAll(/[\s_-]+/g, " ")
        .trim(),
    ),
  );
}
