import type { GuessedColumns } from "./columns.ts";
import { controlLabels, guessColumns } from "./columns.ts";
import type { ValueKind } from "./counts.ts";
import { classifyValues } from "./counts.ts";
import { columnLabels } from "../anndata/frame.ts";
import type { FrameColumn, H5adFile, Slot } from "../anndata/open.ts";
import { openH5ad } from "../anndata/open.ts";

export interface H5adSummary {
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
  readonly warnings: readonly string[];
}

const SHOWN = 20;

/** What an .h5ad file holds and how an import would read it. @throws what openH5ad throws */
export async function inspectH5ad(path: string): Promise<H5adSummary> {
  const file = await openH5ad(path);
  try {
    const guessed = guessColumns(file);
    const slots = file.slots.map((slot) => ({
      name: slot.name,
      layout: slot.layout,
      shape: [slot.nRows, slot.nCols] as const,
      values: classifyValues(file.sample(slot)),
    }));
    return {
      n_obs: file.nObs,
      n_vars: file.nVars,
      slots,
      obs: file.columns("obs").map((column) => ({ ...column, ...frequentValues(file, column) })),
      var: file.columns("var"),
      first_genes: file.index("var").slice(0, 5),
      guessed,
      warnings: warningsFor(
        file,
        guessed,
        slots.map(({ values }) => values),
      ),
    };
  } finally {
    file.close();
  }
}

function frequentValues(file: H5adFile, { name, kind }: FrameColumn) {
  if (kind !== "categorical" && kind !== "string" && kind !== "boolean") return {};
  const cells = new Map<string, number>();
  for (const label of columnLabels(file.column("obs", name)))
    if (label !== null) cells.set(label, (cells.get(label) ?? 0) + 1);
  const values = [...cells]
    .map(([value, n]) => ({ value, cells: n }))
    .toSorted((a, b) => b.cells - a.cells || (a.value < b.value ? -1 : 1));
  return { n_values: values.length, values: values.slice(0, SHOWN) };
}

function warningsFor(
  file: H5adFile,
  guessed: GuessedColumns,
  kinds: readonly ValueKind[],
): string[] {
  const genes = file.index("var");
  const repeated = genes.length - new Set(genes).size;
  const controls = guessed.perturbation === null ? [] : controlLabels(file, guessed.perturbation);
  return [
    ...(guessed.perturbation === null
      ? ["No obs column contains the perturbation; name one with --perturbation-column."]
      : []),
    ...(guessed.cell_type === null
      ? ["No obs column contains the cell type; name one with --cell-type-column."]
      : []),
    ...(guessed.perturbation !== null && controls.length === 0
      ? [`No value of "${guessed.perturbation}" marks control cells; name it with --control-label.`]
      : []),
    ...(controls.length > 1
      ? [
          `More than one value marks control cells: ${controls.join(", ")}; choose one with --control-label.`,
        ]
      : []),
    ...(guessed.donor === null
      ? ["No obs column contains the donor; all cells count as one donor."]
      : []),
    ...(kinds.includes("counts")
      ? []
      : [
          kinds.includes("log1p")
            ? "No raw counts; they would be recovered from log-normalised values."
            : "No raw counts and no log-normalised values; this file cannot be imported; write it with the counts in adata.X.",
        ]),
    ...(repeated > 0 ? [`${repeated} gene names of the index occur more than once.`] : []),
  ];
}
