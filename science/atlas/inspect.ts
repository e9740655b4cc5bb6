import type { AtlasColumns } from "./atlas-index.ts";
import type { LabelResolver } from "./cell-groups.ts";
import { chooseSlot, sampleOf } from "./choose-slot.ts";
import type { ColumnChoice } from "./columns/choose-columns.ts";
import { numberedCellTypes } from "./columns/cell-type-column.ts";
import { chooseColumns, columnsOf, NO_LABEL } from "./columns/choose-columns.ts";
import { otherFeatures } from "./columns/feature-kinds.ts";
import { leftOut } from "./columns/left-out.ts";
import { conditionWarnings } from "./columns/other-conditions.ts";
import { featureWarning, labelAmountWarning } from "./import-warnings.ts";
import { readGiven } from "./read-labels.ts";
import type { ValueKind } from "./counts.ts";
import { notStoredWarnings } from "./not-stored.ts";
import { HaystackError } from "../../errors.ts";
import { columnLabels } from "../anndata/frame.ts";
import { LargeMap } from "../anndata/large-map.ts";
import type { FrameColumn, H5adFile, Slot } from "../anndata/open.ts";
import { openH5ad } from "../anndata/open.ts";

export interface H5adSummary {
  /** Of a MuData file; null for AnnData. */
  readonly modality: string | null;
  readonly n_obs: number;
  readonly n_vars: number;
  readonly slots: readonly {
    readonly name: string;
    readonly layout: Slot["layout"];
    readonly shape: readonly [number, number];
    readonly values: ValueKind;
  }[];
  /**
   * `values`: for categorical, text and flag columns the most frequent 20 and how many cells have
   * them.
   */
  readonly obs: readonly {
    readonly name: string;
    readonly kind: FrameColumn["kind"];
    readonly n_values?: number;
    readonly values?: readonly { readonly value: string; readonly cells: number }[];
  }[];
  readonly var: readonly { readonly name: string; readonly kind: FrameColumn["kind"] }[];
  readonly first_genes: readonly string[];
  readonly guessed: GuessedColumns;
  /** What else could tell the same. */
  readonly also_fits: ColumnChoice["others"];
  /** The matrix that an import takes for the counts; null where none can be used. */
  readonly counts: string | null;
  /** Parts that cannot be read, and why; an import needs none of them unless it says so. */
  readonly unreadable: readonly { readonly name: string; readonly why: string }[];
  readonly warnings: readonly string[];
}

/** What the columns seem to mean; null where nothing fits, or the file has none such. */
export type GuessedColumns = { readonly [Key in keyof AtlasColumns]: AtlasColumns[Key] | null };

const SHOWN = 20;
const nothingKnown: LabelResolver = { cellOntologyId: () => null, perturbationId: () => null };

/** What an .h5ad file holds and how an import would read it. @throws what openH5ad throws */
export async function inspectH5ad(
  path: string,
  resolver: LabelResolver = nothingKnown,
  modality?: string,
): Promise<H5adSummary> {
  const file = await openH5ad(path, modality);
  try {
    const source = usableSlot(file);
    const choice = chooseColumns(file, {}, resolver, source?.slot);
    const guessed = columnsOf(choice, undefined);
    const sampled = file.slots.map((slot) => ({ slot, values: sampleOf(file, slot) }));
    const slots = sampled.flatMap(({ slot: { name, layout, nRows, nCols }, values }) =>
      typeof values === "string" ? [{ name, layout, shape: [nRows, nCols] as const, values }] : [],
    );
    const unreadable = [
      ...file.unreadable,
      ...sampled.flatMap(({ slot: { name }, values }) =>
        typeof values === "string" ? [] : [{ name, error: values }],
      ),
    ];
    return {
      modality: file.modality,
      n_obs: file.nObs,
      n_vars: file.nVars,
      slots,
      obs: file.columns("obs").map((column) => ({ ...column, ...frequentValues(file, column) })),
      var: file.columns("var"),
      first_genes: file.index("var").slice(0, 5),
      guessed,
      also_fits: choice.others,
      counts: source?.slot.name ?? null,
      unreadable: [
        ...unreadable.map(({ name, error }) => ({ name, why: error.message })),
        ...(["obs", "var"] as const).flatMap((frame) =>
          file
            .columns(frame)
            .filter(({ kind }) => kind === "unsupported")
            .map(({ name }) => ({
              name: `${frame}/${name}`,
              why: "It is of a kind that cannot be read.",
            })),
        ),
      ],
      warnings: [
        ...warningsFor(
          file,
          choice,
          slots.map(({ values }) => values),
        ),
        ...(source?.why ?? []),
        ...featureWarning(otherFeatures(file, source?.slot.name === "raw/X" ? "raw/var" : "var")),
        ...cellWarnings(choice, file, resolver),
        ...notStoredWarnings(file, file.slots, [
          choice.cell_type,
          choice.perturbation,
          choice.donor,
          guessed.dose,
          guessed.time,
        ]),
      ],
    };
  } finally {
    file.close();
  }
}

/** What an import would leave out or pool, and what it makes of labels. */
function cellWarnings(choice: ColumnChoice, file: H5adFile, resolver: LabelResolver): string[] {
  const { perturbation, controls } = choice;
  const said = [...numberedCellTypes(choice.cell_type, choice.read), ...labelAmountWarning(choice)];
  if (perturbation === null || controls === null)
    return [...leftOut(choice, file.nObs).why, ...said];
  const given = readGiven({ ...choice, controls, perturbation }, file, {}, resolver);
  const labels = [controls.main ?? NO_LABEL, ...controls.others];
  return [
    ...given.leftOut.why,
    ...given.notes,
    ...said,
    ...conditionWarnings(given.conditions, labels),
    ...(given.refusal === null ? [] : [given.refusal]),
  ];
}

function frequentValues(file: H5adFile, { name, kind }: FrameColumn) {
  if (kind !== "categorical" && kind !== "string" && kind !== "boolean") return {};
  const cells = new LargeMap<number>();
  for (const label of columnLabels(file.column("obs", name)))
    if (label !== null) cells.set(label, (cells.get(label) ?? 0) + 1);
  const values = Array.from(cells.entries(), ([value, n]) => ({ value, cells: n })).toSorted(
    (a, b) => b.cells - a.cells || (a.value < b.value ? -1 : 1),
  );
  return { n_values: values.length, values: values.slice(0, SHOWN) };
}

function usableSlot(file: H5adFile) {
  try {
    return chooseSlot(file, undefined);
  } catch (thrown) {
    if (thrown instanceof HaystackError) return null;
    throw thrown;
  }
}

function warningsFor(file: H5adFile, choice: ColumnChoice, kinds: readonly ValueKind[]): string[] {
  const genes = file.index("var");
  const repeated = genes.length - new Set(genes).size;
  const { perturbation, controls, others } = choice;
  const all =
    controls === null ? [] : [...controls.pooled, ...controls.others, ...controls.doubtful];
  const alternatives = (what: string, taken: string | null, more: readonly string[]) =>
    taken === null || more.length === 0
      ? []
      : [`${taken} would be taken for the ${what}; ${more.join(", ")} would fit too.`];
  return [
    ...(perturbation === null
      ? ["No obs column contains the perturbation; name one with --perturbation-column."]
      : []),
    ...(choice.cell_type === null
      ? [
          "No obs column contains the cell type; name one with --cell-type-column, or say with --cell-type-of-all what all cells are.",
        ]
      : []),
    ...(perturbation !== null && controls === null
      ? [`No value of "${perturbation}" marks control cells; name it with --control-label.`]
      : []),
    ...(perturbation !== null && controls?.atZero !== undefined
      ? [`Cells at ${controls.atZero} zero would be taken as controls.`]
      : []),
    ...(perturbation !== null && controls?.main === null && controls.atZero === undefined
      ? [`Cells without a value of "${perturbation}" would be taken as controls.`]
      : []),
    ...(all.length > 1
      ? [
          `More than one value marks control cells: ${all.slice(0, SHOWN).join(", ")}; choose with --control-label.`,
        ]
      : []),
    ...alternatives("perturbation", perturbation, others.perturbation),
    ...alternatives("cell type", choice.cell_type, others.cell_type),
    ...(choice.donor === null
      ? ["No obs column contains the donor; all cells count as one donor."]
      : []),
    ...(kinds.includes("counts")
      ? []
      : [
          kinds.includes("log1p")
            ? "No raw counts; they would be recovered from log-normalised values."
            : kinds.some((kind) => kind === "ranks" || kind === "mask")
              ? "The whole numbers of this file look like ranks, bins or a mask, not like counts."
              : "No raw counts and no log-normalised values; this file cannot be imported; write it with the counts in adata.X.",
        ]),
    ...(repeated > 0 ? [`${repeated} gene names of the index occur more than once.`] : []),
  ];
}
