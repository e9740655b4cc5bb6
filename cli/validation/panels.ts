import { discrimination, type Discrimination } from "../../science/validation/discrimination.ts";
import type { JudgedTarget } from "../../science/validation/judged-target.ts";
import type { TargetOutcome } from "./validate-target.ts";

interface Member {
  /** Its place among the outcomes. */
  readonly at: number;
  readonly judged: JudgedTarget;
}

/**
 * The judged targets that share their controls, as perturbations in one file of Arc's packages do:
 * those of one cell type, and donor where donors are told apart.
 */
export function panelsOf(outcomes: readonly TargetOutcome[]): Member[][] {
  const members = outcomes.flatMap(({ target, judged }, at) =>
    judged === null ? [] : [{ at, judged, key: JSON.stringify([target.cell_type, target.donor]) }],
  );
  return [...Map.groupBy(members, ({ key }) => key).values()];
}

/** Of each outcome, in their order; null where it was not judged. */
export function discriminationOf(outcomes: readonly TargetOutcome[]): (Discrimination | null)[] {
  const found = outcomes.map((): Discrimination | null => null);
  for (const panel of panelsOf(outcomes))
    discrimination(panel.map(({ judged }) => judged.effects)).forEach((scores, one) => {
      found[panel[one]!.at] = scores;
    });
  return found;
}
