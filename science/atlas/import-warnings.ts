import type { AtlasColumns, CellGroup } from "./atlas-index.ts";
import type { CountsSource } from "./counts.ts";
import type { CountedCells } from "./write-counts.ts";

interface ImportFacts {
  readonly nObs: number;
  readonly groups: readonly CellGroup[];
  readonly source: CountsSource;
  readonly columns: AtlasColumns;
  readonly counted: CountedCells;
  readonly withoutSymbol: number;
  readonly renamed: number;
  /** Labels that look like controls but were not taken. */
  readonly otherControls: readonly string[];
}

/** What the owner of the atlas should know about how it was read, one sentence each. */
export function importWarnings({
  nObs,
  groups,
  source,
  columns,
  counted,
  withoutSymbol,
  renamed,
  otherControls,
}: ImportFacts): string[] {
  const missing = nObs - groups.reduce((total, group) => total + group.n_cells, 0);
  const unmatched = groups.filter(
    (group) => !group.is_control && group.control_group_id === null,
  ).length;
  const warnings: [boolean, string][] = [
    [
      missing > 0,
      `${missing} of ${nObs} cells were left out because cell type, perturbation or donor is missing.`,
    ],
    [
      source.kind === "log1p",
      `No raw counts were found; counts were recovered from the log-normalised values of ${source.slot.name}.`,
    ],
    [
      counted.rounded > 0,
      `Whole counts could not be recovered for ${counted.rounded} cells; theirs were rounded.`,
    ],
    [counted.zeroCells > 0, `${counted.zeroCells} cells have no counts at all.`],
    [columns.donor === null, "No donor column was found; all cells count as one donor."],
    [
      otherControls.length > 0,
      `"${columns.control_label}" was taken as the control; ${otherControls.join(", ")} would have matched too.`,
    ],
    [
      unmatched > 0,
      `${unmatched} perturbed groups have no control group of the same cell type and donor.`,
    ],
    [withoutSymbol > 0, `${withoutSymbol} genes have no symbol and keep their name in the index.`],
    [renamed > 0, `${renamed} cell names occurred more than once and had a number appended.`],
  ];
  return warnings.filter(([applies]) => applies).map(([, text]) => text);
}
