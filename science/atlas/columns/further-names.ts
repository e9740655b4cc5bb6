import type { FurtherName } from "../atlas-index.ts";
import type { CodedLabels } from "./labels.ts";

/** More values than this are names of cells or samples, and none of kinds of cells. */
const MOST_NAMES = 2_000;

/**
 * What other columns call the cells: each of their values that takes in cell types whole, so that
 * "A549" of a column `cell_line` means the cells that `cell_type` calls a lung adenocarcinoma line.
 */
export function furtherNames(
  cellTypes: readonly (string | null)[],
  others: readonly CodedLabels[],
): FurtherName[] {
  return others
    .filter(({ labels }) => labels.length <= MOST_NAMES)
    .flatMap((column) => {
      const valueOf = new Map<string, number>();
      const crossed = new Set<string>();
      cellTypes.forEach((label, cell) => {
        const value = column.codes[cell] ?? -1;
        if (label === null) return;
        const known = valueOf.get(label) ?? value;
        if (known !== value || value < 0) crossed.add(label);
        valueOf.set(label, value);
      });
      const whole = [...valueOf].filter(([label]) => !crossed.has(label));
      const touched = new Set<number>();
      for (const [cell, label] of cellTypes.entries())
        if (label !== null && crossed.has(label)) touched.add(column.codes[cell] ?? -1);
      const byValue = Map.groupBy(whole, ([, value]) => value);
      return [...byValue].flatMap(([value, members]): FurtherName[] => {
        const name = column.labels[value];
        const cell_types = members.map(([label]) => label).toSorted();
        return name === undefined || touched.has(value) || cell_types.includes(name)
          ? []
          : [{ column: column.name, name, cell_types }];
      });
    });
}
