import { basename } from "node:path";
import { HaystackError } from "../../errors.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";
import type { AtlasColumns, FurtherName } from "./atlas-index.ts";
import type { CellLabels, GroupingRules, LabelResolver } from "./cell-groups.ts";
import type { CompleteChoice } from "./columns/choose-columns.ts";
import type { ToldColumns } from "./columns/choose-columns.ts";
import { resolveColumns } from "./columns/choose-columns.ts";
import { batchNotes } from "./columns/batches.ts";
import { furtherNames } from "./columns/further-names.ts";
import { groupedLabels } from "./columns/grouped-labels.ts";
import { type LeftOut, leftOut, type Only } from "./columns/left-out.ts";
import { type Conditioned, matchedConditions } from "./columns/matched-conditions.ts";
import { type OtherCondition, otherConditions } from "./columns/other-conditions.ts";
import { checkLabelCount, type CodedLabels } from "./columns/labels.ts";
import { sampleColumns } from "./columns/sample-columns.ts";
import { cellTypeNames } from "./columns/usual-names.ts";
import type { PerturbationKinds } from "./columns/perturbation-kind.ts";
import { perturbationKinds } from "./columns/perturbation-kind.ts";

/** What is told of the cells; the rest is found. */
export interface ToldLabels {
  /** What is known about the columns; the rest is guessed from the field's usual names. */
  readonly columns?: ToldColumns;
  /** What all cells are, for a file of one cell line, say, without a column for it. */
  readonly cellType?: string;
  /** How the perturbations work ("CRISPRa", "drug"), for a file that does not say. */
  readonly perturbationType?: string;
  /** The cells that are imported, by the values that they have in columns; all unless given. */
  readonly only?: Only;
}

export interface LabelsRead {
  readonly columns: AtlasColumns;
  readonly choice: CompleteChoice;
  readonly labels: CellLabels;
  readonly rules: GroupingRules;
  readonly kinds: PerturbationKinds;
  readonly leftOut: LeftOut;
  readonly otherConditions: readonly OtherCondition[];
  readonly notes: readonly string[];
  readonly furtherNames: readonly FurtherName[];
  readonly sampleColumns: ReturnType<typeof sampleColumns>;
}

/** What other programs write for a cell type that is missing. */
const NO_NAME = /^(?:n\/?a|none|null)$/i;

/**
 * What every cell is: its columns found or told, its labels, and how they are to be grouped.
 * @throws what resolveColumns throws
 */
export function readLabels(
  file: H5adFile,
  options: ToldLabels,
  resolver: LabelResolver,
  slot: Slot,
): LabelsRead {
  const found = resolveColumns(
    file,
    slot,
    { told: options.columns ?? {}, cellType: options.cellType },
    resolver,
  );
  const { choice } = found;
  if (found.columns.donor !== null) checkLabelCount(choice.read(found.columns.donor));
  const { controls, read, obs } = choice;
  const { columns } = found;
  const given = readGiven(
    { ...choice, controls, perturbation: columns.perturbation },
    file,
    options,
    resolver,
  );
  if (given.refusal !== null)
    throw new HaystackError("CONTROL_LABEL_MISSING", `${file.path}: ${given.refusal}`);
  const { perturbation, kinds } = given;
  const whole = (label: string) => Array.from({ length: file.nObs }, () => label);
  const of = (column: CodedLabels) =>
    Array.from(column.codes, (code) => column.labels[code] ?? null);
  const namedTypes = (column: CodedLabels) =>
    column.labels.every((label) => NO_NAME.test(label))
      ? of(column)
      : of(column).map((label) => (label === null || NO_NAME.test(label) ? null : label));
  const cellType =
    columns.cell_type === null
      ? whole(options.cellType ?? "")
      : namedTypes(read(columns.cell_type));
  return {
    columns,
    choice,
    kinds,
    leftOut: given.leftOut,
    otherConditions: given.conditions,
    notes: given.notes,
    furtherNames: furtherNames(
      cellType,
      cellTypeNames(obs)
        .filter((name) => name !== columns.cell_type && name !== columns.perturbation)
        .map(read),
    ),
    sampleColumns: sampleColumns(
      obs,
      [columns.cell_type, columns.perturbation, columns.donor, columns.dose, columns.time],
      read,
    ),
    labels: {
      cellType,
      perturbation: of(perturbation),
      donor: columns.donor === null ? whole("unknown") : of(read(columns.donor)),
      condition: given.condition,
    },
    rules: {
      controls: [columns.control_label, ...controls.others],
      genetic: kinds.genetic,
      covariatesOf: choice.amounts.of,
    },
  };
}

/** What each cell was given, and what else was done to it. */
interface Given extends Pick<Conditioned, "perturbation" | "condition" | "refusal"> {
  readonly kinds: PerturbationKinds;
  readonly leftOut: LeftOut;
  readonly conditions: readonly OtherCondition[];
  /** What is to be known of them, in sentences. */
  readonly notes: readonly string[];
}

export function readGiven(
  choice: CompleteChoice & { readonly perturbation: string },
  file: H5adFile,
  { only, perturbationType }: Pick<ToldLabels, "only" | "perturbationType">,
  resolver: LabelResolver,
): Given {
  const out = leftOut(choice, file.nObs, only);
  const { cells: grouped, notes } = groupedLabels(choice, out.cells);
  const kinds = perturbationKinds({
    ...choice,
    perturbation: grouped,
    fileName: basename(file.path),
    told: perturbationType,
  });
  const conditions = otherConditions(
    choice,
    grouped,
    {
      genetic: kinds.genetic,
      geneOf: choice.geneOf,
      perturbationId: (label) => resolver.perturbationId(label),
    },
    Object.keys(only ?? {}),
  );
  const { perturbation, condition, why, refusal } = matchedConditions(
    conditions,
    choice.cell_type === null ? null : choice.read(choice.cell_type),
    grouped,
    choice.controls,
  );
  const cells = out.cells.map((each, cell) =>
    each === 1 || grouped.codes[cell] !== perturbation.codes[cell] ? 1 : 0,
  );
  return {
    perturbation,
    condition,
    refusal,
    kinds,
    conditions,
    notes: [...notes, ...batchNotes(choice, grouped)],
    leftOut: { cells, why: [...out.why, ...why] },
  };
}
