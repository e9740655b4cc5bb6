import type { ColumnChoice } from "./choose-columns.ts";
import { NO_LABEL } from "./choose-columns.ts";
import type { CodedLabels } from "./labels.ts";
import { type Meanings, saysBeside } from "./told-apart.ts";

/** The values of another column among control cells and perturbed ones. */

/** Of the cells the least share of a value that is no slip. */
const SECOND = 0.02;
const MOST = 0.5;

/** How many cells have each value of a column. */
interface Tally {
  readonly column: CodedLabels;
  readonly perturbation: CodedLabels;
  readonly control: Float64Array;
  readonly controls: number;
  /** By "label value" in codes, -1 where the value is missing. */
  readonly treated: ReadonlyMap<string, number>;
}

/** For each label of the perturbation whether its cells are controls. */
export function controlCodes(
  { labels }: CodedLabels,
  controls: ColumnChoice["controls"],
): readonly boolean[] {
  const marked = new Set([controls?.main ?? NO_LABEL, ...(controls?.others ?? [])]);
  return labels.map((label) => marked.has(label));
}

export function tallied(
  column: CodedLabels,
  perturbation: CodedLabels,
  isControl: readonly boolean[],
): Tally {
  const control = new Float64Array(column.labels.length);
  const treated = new Map<string, number>();
  let controls = 0;
  column.codes.forEach((value, cell) => {
    const label = perturbation.codes[cell] ?? -1;
    if (label < 0) return;
    if (isControl[label] === true) {
      controls += 1;
      if (value >= 0) control[value] = (control[value] as number) + 1;
    } else {
      const key = `${label} ${value}`;
      treated.set(key, (treated.get(key) ?? 0) + 1);
    }
  });
  return { column, perturbation, control, controls, treated };
}

/**
 * Whether the values of a column were given beside the perturbation: most perturbed cells have a value
 * that controls have as well, or one that says something else than the perturbation.
 */
export function setsApart(
  { column, perturbation, control, controls, treated }: Tally,
  meanings: Meanings,
): boolean {
  let all = 0;
  let shared = 0;
  let same = 0;
  let other = 0;
  for (const [key, cells] of treated) {
    const [label, value] = key.split(" ").map(Number) as [number, number];
    all += cells;
    if (value < 0) continue;
    if ((control[value] as number) >= SECOND * controls && (control[value] as number) > 0) {
      shared += cells;
      continue;
    }
    const says = saysBeside(
      column.name,
      column.labels[value] as string,
      perturbation.labels[label] as string,
      meanings,
    );
    if (says === "the same") same += cells;
    if (says === "something else") other += cells;
  }
  if (same >= SECOND * all && same > 0) return false;
  return shared >= MOST * all || shared + other >= MOST * all;
}

/** Whether any value is of control cells and of perturbed ones. */
export const isShared = ({ control, treated }: Tally): boolean =>
  treated.keys().some((key) => (control[Number(key.split(" ")[1])] ?? 0) > 0);
