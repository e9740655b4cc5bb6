import type { ColumnChoice } from "./choose-columns.ts";
import type { CodedLabels } from "./labels.ts";
import type { OtherCondition } from "./other-conditions.ts";
import { controlCodes } from "./tallies.ts";

/**
 * Perturbed cells are compared with control cells that the rest was done to as well: of cells that are
 * all knock-outs, beside controls that are all wild type, nobody can tell what the treatment did.
 */

/** Cells by what sets them apart beside their labels. */
export interface Conditioned {
  /** Of each cell what else was done to it, in words; null where no column sets cells apart. */
  readonly condition: readonly string[] | null;
  /** What each cell was given, without the cells that no control cell can be compared with. */
  readonly perturbation: CodedLabels;
  readonly why: readonly string[];
  /** Why nothing is left to be imported. */
  readonly refusal: string | null;
}

/** Leaves out perturbed cells beside which no control cell of their type is of their condition. */
export function matchedConditions(
  found: readonly OtherCondition[],
  cellType: CodedLabels | null,
  perturbation: CodedLabels,
  controls: ColumnChoice["controls"],
): Conditioned {
  const columns = found.filter(({ apart }) => apart).map(({ column }) => column);
  if (columns.length === 0) return { condition: null, perturbation, why: [], refusal: null };
  const texts = new Map<string, string>();
  const condition = Array.from(perturbation.codes, (_, cell) => {
    const key = columns.map(({ codes }) => codes[cell]).join();
    const text =
      texts.get(key) ??
      columns.map(({ labels, codes }) => labels[codes[cell] ?? -1] ?? "no value").join(", ");
    texts.set(key, text);
    return text;
  });
  const isControl = controlCodes(perturbation, controls);
  const typeOf = (cell: number): number => cellType?.codes[cell] ?? -1;
  const ofType = new Map<number, Set<string>>();
  const everywhere = new Set<string>();
  perturbation.codes.forEach((label, cell) => {
    if (isControl[label] !== true) return;
    const own = ofType.get(typeOf(cell)) ?? new Set();
    ofType.set(typeOf(cell), own.add(condition[cell] as string));
    everywhere.add(condition[cell] as string);
  });
  const lost = new Map<string, number>();
  let left = 0;
  const codes = perturbation.codes.map((label, cell) => {
    const own = condition[cell] as string;
    if (label < 0 || isControl[label] === true) return label;
    if ((ofType.get(typeOf(cell)) ?? everywhere).has(own)) {
      left += 1;
      return label;
    }
    lost.set(own, (lost.get(own) ?? 0) + 1);
    return -1;
  });
  if (lost.size === 0) return { condition, perturbation, why: [], refusal: null };
  const names = columns.map(({ name }) => name).join(" and ");
  const cells = lost.values().reduce((sum, n) => sum + n, 0);
  const values = some([...lost].toSorted((a, b) => b[1] - a[1]).map(([text]) => text));
  const only = columns
    .flatMap(({ name, labels }) => labels.slice(0, SHOWN).map((each) => `--only "${name}=${each}"`))
    .join(" ");
  return {
    condition,
    perturbation: { ...perturbation, codes },
    why: [
      `${cells} perturbed cells were left out, as no control cell of their type has their ${names} (${values}), and what the perturbation does cannot be told from what that does.`,
    ],
    refusal:
      left > 0
        ? null
        : `The perturbed cells and the control cells differ in ${names} (perturbed: ${values}; control: ${some([...everywhere])}), so what ${perturbation.name} does cannot be told from what ${names} does; add control cells of the same ${names}, or name the column that is asked about with --perturbation-column; all values told (${only}) are imported nevertheless.`,
  };
}

const SHOWN = 5;
const some = (names: readonly string[]): string =>
  `${names.slice(0, SHOWN).join("; ")}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ""}`;
