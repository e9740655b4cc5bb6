import { MOST_GROUPS } from "../limits.ts";
import type { ReadLabels } from "./labels.ts";
import { idShare, nesting } from "./labels.ts";
import { cellTypeNames, plain } from "./usual-names.ts";

export interface CellTypeChoice {
  readonly name: string;
  readonly others: readonly string[];
}

/** CELLxGENE has "unknown" where authors name types that the Cell Ontology has not. */
const UNNAMED = /^(?:unknown|unassigned|unannotated|n\/?a|none|cells?)$/i;
/** "cell" may number cells. */
const MAY_NUMBER = "cell";
/** More types than this share of the cells are names of cells. */
const NEARLY_UNIQUE = 0.5;

/**
 * The column that tells the cell type: the first usual name, unless its values are ids (CL:0000236,
 * CVCL_0023, cluster numbers) and another column says the like in words.
 */
export function chooseCellType(obs: readonly string[], read: ReadLabels): CellTypeChoice | null {
  const all = cellTypeNames(obs)
    .map(read)
    .filter((column) => plain(column.name) !== MAY_NUMBER || idShare(column) <= 0.5)
    .filter(
      ({ labels, codes, missing }) =>
        labels.length > 0 &&
        labels.length <= MOST_GROUPS &&
        (codes.length < 8 ||
          labels.length <= Math.max(4, NEARLY_UNIQUE * (codes.length - missing))),
    );
  const telling = all.filter(({ labels }) => labels.some((label) => !UNNAMED.test(label)));
  const columns = telling.length === 0 ? all : telling;
  const [usual] = columns;
  if (usual === undefined) return null;
  const inWords = columns.filter((column) => idShare(column) <= 0.5);
  const chosen =
    idShare(usual) <= 0.5
      ? usual
      : (inWords.find((column) => nesting(usual, column) !== "crossed") ?? inWords[0] ?? usual);
  return {
    name: chosen.name,
    others: columns.filter((column) => column !== chosen).map(({ name }) => name),
  };
}

/** Said where cell types are numbers of clusters, for which no question can ask by name. */
export function numberedCellTypes(cell_type: string | null, read: ReadLabels): string[] {
  if (cell_type === null) return [];
  const { labels } = read(cell_type);
  const numbers = labels.filter((label) => /^(?:c|cluster)?[\s_-]?\d+(?:\.\d+)?$/i.test(label));
  return numbers.length === 0 || numbers.length * 2 < labels.length
    ? []
    : [
        `The cell types are numbers of ${cell_type} (${numbers.slice(0, 5).join(", ")}), not names: clusters are compared with each other as if they were cell types, and no question finds them by name; name a column of names with --cell-type-column, or write the names into the file.`,
      ];
}
