import { HaystackError } from "../../../errors.ts";
import type { ColumnChoice } from "./choose-columns.ts";
import type { CodedLabels } from "./labels.ts";
import { NO_SINGLE_CELL, notGood, notSingle } from "./single-cells.ts";
import { plain } from "./usual-names.ts";

/** Cells that an import leaves out although they have all labels, and why, one sentence each. */
export interface LeftOut {
  /** 1 where a cell is left out. */
  readonly cells: Uint8Array;
  readonly why: readonly string[];
}

/** Of a column the values whose cells are imported. */
export type Only = Readonly<Record<string, readonly string[]>>;

/** Says that it is not known what a cell was given, or that it is no single cell. */
const NO_CALL = new RegExp(
  `^(?:${[
    String.raw`un(?:assigned|known|called|determined|mapped|identified|clear|classified)`,
    String.raw`not?(?:assigned|called|detected|determined|call|match|assignment)|ambiguous|undefined|multiplets?`,
    String.raw`doublets?|multiplet_?doublet|negative|(?:hto|hashtag)?negative|lowquality`,
    String.raw`multi(?:ple)?(?:guides|grnas|sgrnas|perturbations|infected)?|collisions?|filtered|nan|na|null|none`,
    String.raw`nonassigned|no(?:guide|grna|sgrna)s?(?:detected|called|assigned|found)`,
  ].join("|")})$`,
);
/** "*" and "-" stand where nothing is known; "+" may mean that the cell was treated. */
const NO_WORD = /^[^\p{L}\p{N}+]+$/u;
/** What mixscape calls cells that have a guide and no response: "NP", "STAT1 NP". */
const MIXSCAPE = /^mixscapeclass(?:global)?$/;
const NON_PERTURBED = /(?:^|\s)NP$/;
const SHOWN = 5;

/**
 * The cells without one of the values in `only`; those whose perturbation is not known, no single
 * cells, and those that mixscape found not perturbed. A column in `only` decides for itself.
 * @throws COLUMN_NOT_FOUND for a column or value of `only` that is not there
 */
export function leftOut(choice: ColumnChoice, nObs: number, only: Only = {}): LeftOut {
  const cells = new Uint8Array(nObs);
  const why: string[] = [];
  const leave = (column: CodedLabels, isOut: (label: string) => boolean, say: Said) => {
    const counts = new Map<string, number>();
    const out = column.labels.map((label) => isOut(label));
    column.codes.forEach((code, cell) => {
      if (code < 0 || out[code] !== true || cells[cell] === 1) return;
      cells[cell] = 1;
      const label = column.labels[code] as string;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    });
    if (counts.size > 0) why.push(say(column.name, valuesIn(counts), total(counts)));
  };
  for (const [name, values] of Object.entries(only)) {
    const column = choice.read(name);
    const unknown = values.find((value) => !column.labels.includes(value));
    if (unknown !== undefined)
      throw new HaystackError(
        "COLUMN_NOT_FOUND",
        `Column "${name}" has no value "${unknown}"; its values are: ${column.labels.slice(0, 20).join(", ") || "none"}.`,
      );
    let n = 0;
    column.codes.forEach((code, cell) => {
      if (cells[cell] === 1 || values.includes(column.labels[code] ?? "")) return;
      cells[cell] = 1;
      n += 1;
    });
    if (n > 0)
      why.push(`${n} cells whose ${name} is not ${values.join(" or ")} were left out, as told.`);
  }
  const { perturbation, controls, obs, read } = choice;
  const free = (name: string | null): name is string => name !== null && !(name in only);
  if (free(perturbation)) {
    const control = new Set([...(controls?.pooled ?? []), ...(controls?.others ?? [])]);
    leave(
      read(perturbation),
      (label) => !control.has(label) && (NO_CALL.test(plain(label)) || NO_WORD.test(label)),
      (name, values, n) =>
        `${n} cells were left out, as their ${name} (${values}) names neither a perturbation nor a control; --control-label takes one of these values for the control.`,
    );
  }
  for (const name of [choice.cell_type, choice.donor])
    if (free(name))
      leave(
        read(name),
        (label) => NO_SINGLE_CELL.test(plain(label)),
        (column, values, n) =>
          `${n} cells were left out, as they are no single cells by ${column} (${values}).`,
      );
  const used = [perturbation, choice.cell_type, choice.donor];
  const beside = obs.filter((name) => free(name) && !used.includes(name));
  for (const { column, out } of notSingle(beside, read))
    leave(
      column,
      (label) => out.has(label),
      (name, values, n) =>
        `${n} cells were left out, as they are no single cells by ${name} (${values}); name all values to be imported with --only to have them otherwise.`,
    );
  why.push(...notGood(beside, read));
  const classes = obs.find((name) => MIXSCAPE.test(plain(name)) && name !== perturbation);
  if (free(classes ?? null))
    leave(
      read(classes as string),
      (label) => NON_PERTURBED.test(label),
      (column, values, n) =>
        `${n} cells were left out, as they have a guide and no response by ${column} (${values}); name all values to be imported with --only to have them otherwise.`,
    );
  return { cells, why };
}

type Said = (column: string, values: string, cells: number) => string;

const total = (counts: ReadonlyMap<string, number>): number =>
  counts.values().reduce((sum, each) => sum + each, 0);

function valuesIn(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1]);
  const more = sorted.length - SHOWN;
  const named = sorted.slice(0, SHOWN).map(([label, n]) => `${label}: ${n}`);
  return `${named.join(", ")}${more > 0 ? ` and ${more} more values` : ""}`;
}
