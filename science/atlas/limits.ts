import { HaystackError } from "../../errors.ts";

/**
 * Cell groups of an atlas. Its index is one text, of which JavaScript holds half a gigabyte; and of
 * so many labels, or amounts, its maps and sets have long enough not to be full.
 */
export const MOST_GROUPS = 500_000;

/** `of` makes the groups. @throws GROUP_EMPTY */
export function checkGroupCount(groups: number, of: string): void {
  if (groups <= MOST_GROUPS) return;
  throw new HaystackError(
    "GROUP_EMPTY",
    `${of} would make more than ${MOST_GROUPS} cell groups, with hardly a cell in each; name another column with --cell-type-column, --perturbation-column or --donor-column.`,
  );
}
