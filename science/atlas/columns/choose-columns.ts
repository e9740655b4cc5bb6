import type { AtlasColumns } from "../atlas-index.ts";
import { HaystackError } from "../../../errors.ts";
import type { H5adFile, Slot } from "../../anndata/open.ts";
import { chooseCellType } from "./cell-type-column.ts";
import { combinedParts } from "./combinations.ts";
import type { IsOther } from "./control-labels.ts";
import type { Controls } from "./controls.ts";
import { findControls } from "./controls.ts";
import type { Amounts } from "./covariates.ts";
import { isSinceGiven } from "./covariate-names.ts";
import { isZero, readAmounts } from "./covariates.ts";
import type { GeneOf } from "./gene-words.ts";
import { geneLookup } from "./gene-lookup.ts";
import { chooseGeneNames, geneColumn } from "./gene-names.ts";
import type { CodedLabels, ReadLabels } from "./labels.ts";
import { checkLabelCount, labelReader } from "./labels.ts";
import { choosePerturbation } from "./perturbation-column.ts";
import { allOf, DONOR } from "./usual-names.ts";

/** What is known of labels beyond the file. */
export interface LabelKnowledge {
  perturbationId(label: string): string | null;
  /** The symbol of the gene that the label names. */
  geneSymbol?(label: string): string | null;
}

/** The columns as far as they are known; null where nothing fits or the file has none. */
export interface ColumnChoice {
  readonly cell_type: string | null;
  readonly perturbation: string | null;
  readonly donor: string | null;
  readonly gene_symbols: string | null;
  readonly controls: Controls | null;
  readonly amounts: Amounts;
  /** What else could have told it. */
  readonly others: {
    readonly cell_type: readonly string[];
    readonly perturbation: readonly string[];
    readonly gene_symbols: readonly string[];
  };
  /** The obs columns that can be read. */
  readonly obs: readonly string[];
  readonly read: ReadLabels;
  readonly isOther: IsOther;
  /** The symbol of the gene that a word names, by the genes of the file and what is known. */
  readonly geneOf: GeneOf;
}

/** Told on the command line; the rest is found. */
export interface ToldColumns extends Partial<AtlasColumns> {
  readonly control_labels?: readonly string[];
}

/** How cells without a perturbation are told on the command line. */
const MISSING = /^(?:nan|na|n\/a|null|missing|<na>|)$/i;
/** The label of control cells that have none. */
export const NO_LABEL = "control";

/**
 * What the columns of obs and var mean, by their names and values. `slot`: the matrix whose genes
 * are named.
 */
export function chooseColumns(
  file: H5adFile,
  told: ToldColumns,
  knowledge: LabelKnowledge,
  slot?: Slot,
  read: ReadLabels = labelReader(file),
): ColumnChoice {
  const obs = file
    .columns("obs")
    .filter(({ kind }) => kind !== "unsupported")
    .map(({ name }) => name);
  const frame = frameOf(slot);
  const genes = chooseGeneNames(file, frame, knowledge);
  const symbols = told.gene_symbols === undefined ? genes.column : told.gene_symbols;
  const { has, geneOf } = geneLookup(file, frame, genes, symbols, knowledge);
  const isOther: IsOther = (word) =>
    has(word) || knowledge.perturbationId(word) !== null || knowledge.geneSymbol?.(word) === word;
  const isKnown = (label: string): boolean => knowledge.perturbationId(label) !== null;
  const fitting = choosePerturbation(
    obs,
    read,
    isOther,
    (label) =>
      isKnown(label) ||
      combinedParts(label, { isOther, geneOf }).some((part) => part !== "" && isKnown(part)),
  );
  const perturbation =
    told.perturbation === undefined
      ? fitting
      : {
          name: told.perturbation,
          controls: findControls(read(told.perturbation), isOther),
          others: [],
        };
  const cellType =
    told.cell_type === undefined
      ? chooseCellType(
          obs.filter((name) => name !== perturbation?.name),
          read,
        )
      : { name: told.cell_type, others: [] };
  const labels =
    told.control_labels ?? (told.control_label === undefined ? [] : [told.control_label]);
  const tellers =
    perturbation === null
      ? []
      : [perturbation.name, ...(fitting === null ? [] : [fitting.name, ...fitting.others])];
  const amounts = readAmounts(obs, read, [...new Set(tellers)], isOther);
  const controls =
    perturbation === null
      ? null
      : controlsOf(
          labels,
          read(perturbation.name),
          perturbation.controls ?? zeroControls(read(perturbation.name), amounts),
        );
  return {
    cell_type: cellType?.name ?? null,
    perturbation: perturbation?.name ?? null,
    donor: told.donor === undefined ? (allOf(DONOR, obs)[0] ?? null) : told.donor,
    gene_symbols: symbols,
    controls,
    amounts,
    others: {
      cell_type: cellType?.others ?? [],
      perturbation: perturbation?.others ?? [],
      gene_symbols: told.gene_symbols === undefined ? genes.others : [],
    },
    obs,
    read,
    isOther,
    geneOf,
  };
}

const frameOf = (slot: Slot | undefined) => (slot?.name === "raw/X" ? "raw/var" : "var");

/** The told ones; NO_LABEL is how controls are called that no label marks. */
function controlsOf(
  told: readonly string[],
  column: CodedLabels,
  found: Controls | null,
): Controls | null {
  const asFound =
    found?.main === null && told.length === 1 && told[0] === NO_LABEL
      ? !column.labels.includes(NO_LABEL)
      : told.length === 0;
  return asFound ? found : toldControls(told, column);
}

function toldControls(labels: readonly string[], column: CodedLabels): Controls {
  const present = labels.filter((label) => column.labels.includes(label) || !MISSING.test(label));
  const missing = present.length < labels.length;
  return {
    main: present[0] ?? null,
    pooled: present,
    others: [],
    doubtful: [],
    ...(missing && present.length > 0 ? { withMissing: true } : {}),
  };
}

/** Where no label marks controls, the cells at dose or time zero do, if others are at more. */
function zeroControls({ codes }: CodedLabels, { of, columns }: Amounts): Controls | null {
  if (of === null) return null;
  for (const atZero of ["dose", "time"] as const) {
    const seen = { zero: false, more: false, below: false };
    codes.forEach((code, cell) => {
      const given = code < 0 ? undefined : of(cell)[atZero];
      if (given === undefined) return;
      seen[isZero(given) ? "zero" : "more"] = true;
      if (atZero === "dose" && given.startsWith("-")) seen.below = true;
    });
    if (atZero === "time" && !isSinceGiven(columns.time)) continue;
    if (seen.zero && seen.more && !seen.below)
      return { main: null, pooled: [], others: [], doubtful: [], atZero };
  }
  return null;
}

interface Told {
  readonly told: ToldColumns;
  /** What all cells of the file are, where no column says it. */
  readonly cellType: string | undefined;
}

/**
 * The meaning of every column, told or found. @throws PERTURBATION_COLUMN_MISSING,
 * COLUMN_NOT_FOUND, CONTROL_LABEL_MISSING, GROUP_EMPTY
 */
export function resolveColumns(
  file: H5adFile,
  slot: Slot,
  { told, cellType }: Told,
  knowledge: LabelKnowledge,
): { readonly columns: AtlasColumns; readonly choice: CompleteChoice } {
  const read = labelReader(file);
  for (const name of [told.cell_type, told.perturbation, told.donor])
    if (typeof name === "string") checkLabelCount(read(name));
  if (typeof told.gene_symbols === "string") geneColumn(file, frameOf(slot), told.gene_symbols);
  return complete(file, chooseColumns(file, told, knowledge, slot, read), cellType);
}

/** The choice where nothing is missing. */
export type CompleteChoice = ColumnChoice & { readonly controls: Controls };

function complete(
  file: H5adFile,
  choice: ColumnChoice,
  wholeFileIs?: string,
): { readonly columns: AtlasColumns; readonly choice: CompleteChoice } {
  const existing =
    file
      .columns("obs")
      .map(({ name }) => name)
      .join(", ") || "none";
  const { perturbation, controls } = choice;
  if (perturbation === null) {
    if (file.unlabelled !== undefined)
      throw new HaystackError(
        "PERTURBATION_COLUMN_MISSING",
        `${file.path} says nothing of its cells, as ${file.unlabelled}.`,
      );
    const message = `No obs column of ${file.path} contains the perturbation; name one with --perturbation-column (the columns are: ${existing}).`;
    throw new HaystackError("PERTURBATION_COLUMN_MISSING", message);
  }
  if (choice.cell_type === null && wholeFileIs === undefined) {
    throw new HaystackError(
      "COLUMN_NOT_FOUND",
      `No obs column of ${file.path} contains the cell type; name one with --cell-type-column, or say with --cell-type-of-all what all its cells are (the columns are: ${existing}).`,
    );
  }
  const { labels, missing } = choice.read(perturbation);
  const known = new Set(labels);
  const unknown = controls?.pooled.find((label) => !known.has(label));
  if (
    controls === null ||
    unknown !== undefined ||
    (controls.main === null && controls.atZero === undefined && missing === 0)
  ) {
    const wrong =
      controls === null
        ? "has no value that marks control cells"
        : unknown === undefined
          ? "has a value in every cell"
          : `has no value "${unknown}"`;
    const others = choice.others.perturbation.join(", ");
    if (labels.length === 1 && missing === 0 && controls === null)
      throw new HaystackError(
        "CONTROL_LABEL_MISSING",
        `Column "${perturbation}" of ${file.path} has the one value "${labels[0] ?? ""}", so no cell of it is a control; write a value of their own for control cells into it, or name another column with --perturbation-column (the columns are: ${existing}).`,
      );
    throw new HaystackError(
      "CONTROL_LABEL_MISSING",
      `Column "${perturbation}" of ${file.path} ${wrong}; name the control with --control-label (values: ${labels.slice(0, 20).join(", ")})${others === "" ? "" : `, or another column with --perturbation-column (${others})`}.`,
    );
  }
  return {
    columns: {
      ...(columnsOf(choice, wholeFileIs) as AtlasColumns),
      control_label: controls.main ?? NO_LABEL,
    },
    choice: { ...choice, controls },
  };
}

/** The choice as an index keeps it; null where nothing fits. */
export function columnsOf(
  choice: ColumnChoice,
  wholeFileIs: string | undefined,
): { readonly [Key in keyof AtlasColumns]: AtlasColumns[Key] | null } {
  const { controls } = choice;
  const all = controls === null ? [] : [...controls.pooled, ...controls.others];
  const atZero = controls?.atZero;
  const byMissing =
    controls !== null &&
    ((controls.main === null && atZero === undefined) || controls.withMissing === true);
  return {
    cell_type: wholeFileIs === undefined ? choice.cell_type : null,
    perturbation: choice.perturbation,
    donor: choice.donor,
    gene_symbols: choice.gene_symbols,
    control_label: controls === null ? null : (controls.main ?? NO_LABEL),
    ...(all.length > 1 ? { control_labels: all } : {}),
    ...(byMissing ? { missing_is_control: true as const } : {}),
    ...(atZero === undefined ? {} : { zero_is_control: atZero }),
    ...choice.amounts.columns,
  };
}
