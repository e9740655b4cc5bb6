/** The index of an imported atlas: JSON, one entry a cell group. Shards hold the cells. */

/**
 * Which obs columns mean what. `geneSymbols` null: the var index holds the symbols. `donor` null:
 * one donor "unknown".
 */
export interface AtlasColumns {
  /** Null: all cells are of one type that was told at import. */
  readonly cell_type: string | null;
  readonly perturbation: string;
  readonly donor: string | null;
  readonly gene_symbols: string | null;
  /** The value of the perturbation column that marks unperturbed cells. */
  readonly control_label: string;
  /** All labels of control cells, where there is more than `control_label`. */
  readonly control_labels?: readonly string[];
  /** True where cells without a perturbation are controls; their groups have `control_label`. */
  readonly missing_is_control?: true;
  /** Cells whose dose or time is zero are controls, and have `control_label`. */
  readonly zero_is_control?: "dose" | "time";
  /** Columns of amounts, or of labels that hold them, that set groups apart; where there are any. */
  readonly dose?: string;
  readonly dose_unit?: string;
  readonly time?: string;
}

/** The genes that a perturbation silences or activates. More than one: all in the same cell. */
export interface GeneticReading {
  readonly genes: readonly string[];
  readonly effect: "loss" | "gain";
}

/** What cells of one group share beside their labels, as written, with its unit where that is known. */
export interface Covariates {
  readonly dose?: string;
  readonly time?: string;
}

/** What a column of a file says of the origin of cells. */
export type SampleKind = "species" | "tissue" | "disease" | "donor_group";
export interface SampleColumn {
  readonly name: string;
  readonly kind: SampleKind;
}

/**
 * The cells sharing dataset, cell type, perturbation and donor, and dose, time and what else was done
 * to them where given: the unit of retrieval.
 */
export interface CellGroup {
  /**
   * `{dataset}/{cell_type}/{perturbation}/{donor}`, each part slugged, made unique by a hash where
   * slugs collide; further parts where doses or times, or what else was done to cells, set groups
   * apart.
   */
  readonly group_id: string;
  readonly dataset: string;
  /** As written in the source file. */
  readonly cell_type: string;
  /** Cell Ontology id found by name or synonym in the curated knowledge, e.g. "CL:0000084". */
  readonly cell_ontology_id: string | null;
  readonly perturbation: string;
  /** Canonical perturbation id of the curated knowledge, null when unknown or control. */
  readonly perturbation_id: string | null;
  /**
   * The perturbed genes where the label names genes, as its column and control make it; then it
   * names no substance. Absent where it does not.
   */
  readonly genetic?: GeneticReading;
  /** Dose and time where the source has them; absent where it has none. */
  readonly covariates?: Covariates;
  /** What all its cells have in the columns of `sample_columns`, by column; absent where nothing. */
  readonly sample?: Readonly<Record<string, string>>;
  /**
   * What else was done to its cells, by the columns that say it (a genotype, a guide): all values of
   * each, one where the column sets groups apart; absent where no column does, and in older atlases.
   */
  readonly other_conditions?: Readonly<Record<string, readonly string[]>>;
  readonly is_control: boolean;
  /** Donor ids carry their data set: "{dataset}:{donor}". */
  readonly donor: string;
  readonly n_cells: number;
  /**
   * The control group with the same dataset, cell type and donor, and the same else done to it; null
   * when there is none, or for controls.
   */
  readonly control_group_id: string | null;
  /**
   * Path of its shard relative to the atlas folder: an .h5ad file, X = CSR counts, var index =
   * symbols, shared by the groups whose cells fit in it.
   */
  readonly shard: string;
  /** Its first row in the shard, where its cells lie one after another; 0 where absent. */
  readonly first_row?: number;
  /** Rows of the group that may be seen; only in an opened atlas, where that is not all. */
  readonly rows?: Int32Array;
}

/** What another column calls cells of these types, and no others. */
export interface FurtherName {
  readonly column: string;
  readonly name: string;
  readonly cell_types: readonly string[];
}

/** What was told at import, or found of a MuData file, and stands nowhere else in the index. */
export interface ToldAtImport {
  /** What all cells are. */
  readonly cell_type?: string;
  readonly perturbation_type?: string;
  /** The values of the cells that were imported, by column; columns and values sorted. */
  readonly only?: Readonly<Record<string, readonly string[]>>;
  /** Of a MuData file, told or not; absent in older atlases. */
  readonly modality?: string;
}

export interface AtlasIndex {
  /** Version 1: one shard a group. Version 2: several groups in a shard. */
  readonly format: "haystack-atlas/1" | "haystack-atlas/2";
  /** Short name, unique among imported atlases; from the file name unless told. */
  readonly dataset: string;
  readonly source_file: string;
  readonly source_sha256: string;
  /**
   * True for the output of the built-in simulator; such an atlas is labelled simulated everywhere.
   */
  readonly simulated: boolean;
  readonly columns: AtlasColumns;
  /** Absent where nothing was told, and in older atlases. */
  readonly told?: ToldAtImport;
  readonly n_cells: number;
  readonly n_genes: number;
  /** Gene symbols in the order of every shard's var and of the mean profiles. */
  readonly genes: readonly string[];
  /**
   * "counts" when X (or raw, or a layer) held counts; "log1p" when counts were recovered from
   * log-normalised values.
   */
  readonly x_source: { readonly slot: string; readonly kind: "counts" | "log1p" };
  readonly groups: readonly CellGroup[];
  /** Absent where no other column names cells. */
  readonly further_names?: readonly FurtherName[];
  /** The columns that say where cells come from; absent where there are none, and in older atlases. */
  readonly sample_columns?: readonly SampleColumn[];
  /**
   * Path relative to the atlas folder of the mean profiles: float32, groups x genes, row order =
   * groups, little endian.
   */
  readonly profiles: string;
  readonly warnings: readonly string[];
  /** Which import in shares made it; absent where one process did. */
  readonly import_id?: string;
}

/**
 * An atlas opened for retrieval. `profile` gives the mean over the group's cells of log1p(counts /
 * library size * 1e4), length n_genes. Groups excluded by `withhold` (the held-out truth of
 * `haystack validate`) are not listed.
 */
export interface OpenAtlas {
  readonly dir: string;
  readonly index: AtlasIndex;
  profile(groupId: string): Float32Array;
}
