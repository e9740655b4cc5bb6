import { given } from "../../given.ts";
import type { ToldAtImport } from "./atlas-index.ts";
import type { ToldLabels } from "./read-labels.ts";

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

/** In one form, however it was written; undefined where nothing was told. */
export function toldAtImport(
  { cellType, perturbationType, only = {} }: ToldLabels,
  modality: string | null,
): ToldAtImport | undefined {
  const chosen = Object.entries(only)
    .toSorted(([one], [other]) => byText(one, other))
    .map(([column, values]) => [column, [...new Set(values)].toSorted(byText)] as const);
  const told = given({
    cell_type: cellType,
    perturbation_type: perturbationType,
    only: chosen.length === 0 ? undefined : Object.fromEntries(chosen),
    modality: modality ?? undefined,
  });
  return Object.keys(told).length === 0 ? undefined : told;
}
