import type { AtlasIndex, CellGroup } from "../atlas/atlas-index.ts";
import { isAnswer, isAskedControl, isWithheld, type Withholdable } from "../atlas/withhold.ts";

/** A measured response that a prediction can be held against. */
export interface Target {
  readonly cell_type: string;
  readonly perturbation: string;
  /** Null: of all donors. */
  readonly donor: string | null;
}

/** Without the data set that the atlas puts before it. */
export const donorName = (donor: string): string => donor.slice(donor.indexOf(":") + 1);

/** Fewer cells on a side make no mean to compare with. */
export const LEAST_CELLS = 10;

/** Perturbed cells and the controls of their cell type, as one response. */
export interface Unit {
  readonly name: string;
  readonly treated: readonly CellGroup[];
  readonly control: readonly CellGroup[];
}

/** What to withhold, so that the answer to a target is not known. */
export const withholdOf = (target: Target, what: readonly Withholdable[]) => ({
  cell_type: target.cell_type,
  perturbation: target.perturbation,
  ...(target.donor === null ? {} : { donor: target.donor }),
  what,
});

/** Every measured response, in the order of its labels; donor by donor where a donor is withheld. */
export function allTargets({ groups }: AtlasIndex, what: readonly Withholdable[]): Target[] {
  const byDonor = what.includes("donor");
  const targets = new Map<string, Target>();
  for (const { cell_type, perturbation, donor, is_control } of groups) {
    if (is_control) continue;
    const target = { cell_type, perturbation, donor: byDonor ? donor : null };
    targets.set(JSON.stringify([perturbation, cell_type, target.donor]), target);
  }
  return [...targets.keys()].toSorted().map((key) => targets.get(key)!);
}

/**
 * The responses that a target may be predicted from without knowing it: alike in all that is not
 * withheld. One response a cell type or perturbation, of all donors that may be seen; one a donor
 * where a donor alone is withheld.
 */
export function otherResponses(
  { groups }: AtlasIndex,
  target: Target,
  what: readonly Withholdable[],
): Unit[] {
  const withhold = withholdOf(target, what);
  const mayDiffer = (each: Withholdable, same: boolean) => (what.includes(each) ? !same : same);
  const donorAlone = what.length === 1 && what[0] === "donor";
  const seen = groups.filter(
    (group) =>
      !group.is_control &&
      !isWithheld(group, withhold) &&
      mayDiffer("cell-type", group.cell_type === target.cell_type) &&
      mayDiffer("perturbation", group.perturbation === target.perturbation) &&
      (!what.includes("donor") || group.donor !== target.donor),
  );
  const unitOf = ({ cell_type, perturbation, donor }: CellGroup): string =>
    [
      ...(what.includes("cell-type") ? [cell_type] : []),
      ...(what.includes("perturbation") ? [perturbation] : []),
      ...(donorAlone ? [donor] : []),
    ].join(", ");
  return [...Map.groupBy(seen, unitOf)]
    .map(([name, treated]) => ({ name, treated, control: controlsOf(groups, treated, what) }))
    .filter(({ treated, control }) => hasEnough(treated) && hasEnough(control))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Control groups of the same cell type; of the same donors where donors are told apart. */
function controlsOf(
  groups: readonly CellGroup[],
  treated: readonly CellGroup[],
  what: readonly Withholdable[],
): CellGroup[] {
  const donors = new Set(treated.map(({ donor }) => donor));
  return groups.filter(
    (group) =>
      group.is_control &&
      group.cell_type === treated[0]!.cell_type &&
      (!what.includes("donor") || donors.has(group.donor)),
  );
}

const cellsOf = (groups: readonly CellGroup[]): number =>
  groups.reduce((sum, { n_cells }) => sum + n_cells, 0);
const hasEnough = (groups: readonly CellGroup[]): boolean => cellsOf(groups) >= LEAST_CELLS;

/** Why a target cannot be judged from what the atlas holds, as one sentence; null where it can. */
export function whyNotJudged(
  index: AtlasIndex,
  target: Target,
  what: readonly Withholdable[],
): string | null {
  const { groups } = index;
  const asked = { ...target, donor: target.donor ?? undefined };
  const counts = {
    perturbed: cellsOf(groups.filter((group) => isAnswer(group, asked))),
    control: cellsOf(groups.filter((group) => isAskedControl(group, asked))),
  };
  for (const [side, cells] of Object.entries(counts))
    if (cells < LEAST_CELLS)
      return `It has ${cells === 0 ? "no" : cells} ${side} ${cells === 1 ? "cell" : "cells"}, and a mean to compare with needs ${LEAST_CELLS}.`;
  if (otherResponses(index, target, what).length > 0) return null;
  return `No response is left to predict it from: ${alone(target, what)}.`;
}

function alone({ cell_type, perturbation, donor }: Target, what: readonly Withholdable[]): string {
  const each: Record<Withholdable, string> = {
    "cell-type": `no other cell type has ${LEAST_CELLS} cells under ${perturbation} and ${LEAST_CELLS} control cells`,
    donor: `no other donor than ${donorName(donor ?? "")} has ${LEAST_CELLS} of the ${cell_type} under ${perturbation} and ${LEAST_CELLS} control cells`,
    perturbation: `no other perturbation has ${LEAST_CELLS} of the ${cell_type}`,
  };
  const [only] = what;
  return what.length === 1 && only !== undefined
    ? each[only]
    : `no other ${what.join(" and ").replaceAll("-", " ")} has ${LEAST_CELLS} perturbed and ${LEAST_CELLS} control cells`;
}

/** What could be withheld of this atlas, with how many there are to tell apart. */
export function whatFits(index: AtlasIndex): { readonly what: Withholdable; readonly n: number }[] {
  const perturbed = index.groups.filter(({ is_control }) => !is_control);
  const count = (of: (group: CellGroup) => string) => new Set(perturbed.map(of)).size;
  return [
    { what: "cell-type" as const, n: count(({ cell_type }) => cell_type) },
    { what: "donor" as const, n: count(({ donor }) => donor) },
    { what: "perturbation" as const, n: count(({ perturbation }) => perturbation) },
  ].filter(
    ({ what, n }) =>
      n > 1 &&
      allTargets(index, [what]).some((target) => whyNotJudged(index, target, [what]) === null),
  );
}
