import { drawWithoutReplacement, randomStream } from "../simulate/seeded-random.ts";
import type { CellGroup } from "./atlas-index.ts";

/** What is new in a question that an atlas has not seen answered. */
export const WITHHOLDABLE = ["cell-type", "donor", "perturbation"] as const;
export type Withholdable = (typeof WITHHOLDABLE)[number];

/** The answer that is hidden from retrieval: the truth of `haystack validate`. */
export interface Withhold {
  readonly cell_type: string;
  /** Without it every perturbation. */
  readonly perturbation?: string | undefined;
  /** Without it all donors. As the atlas writes it, "{dataset}:{donor}". */
  readonly donor?: string | undefined;
  /** Default: the cell type. */
  readonly what?: readonly Withholdable[] | undefined;
  /** With it only half of the asked control cells may be seen, drawn under this seed. */
  readonly split_seed?: number | undefined;
}

const sameOrAny = (wanted: string | undefined, actual: string): boolean =>
  wanted === undefined || wanted === actual;

/**
 * Whether the perturbed cells of a group are hidden. A new cell type has no response to the asked
 * perturbation, and to none at all where that is new too; a new donor has no response of any cell
 * type to anything; a new perturbation was seen in no cells.
 */
export function isWithheld(group: CellGroup, withhold: Withhold): boolean {
  const { cell_type, perturbation, donor, what = ["cell-type"] } = withhold;
  if (group.is_control) return false;
  const isNew: Record<Withholdable, boolean> = {
    "cell-type":
      group.cell_type === cell_type &&
      (what.includes("perturbation") || sameOrAny(perturbation, group.perturbation)),
    donor: group.donor === donor,
    perturbation: group.perturbation === perturbation,
  };
  return what.some((each) => isNew[each]);
}

/** The control cells whose response is asked for. */
export const isAskedControl = (group: CellGroup, { cell_type, donor }: Withhold): boolean =>
  group.is_control && group.cell_type === cell_type && sameOrAny(donor, group.donor);

/** The perturbed cells that answer the question. */
export const isAnswer = (group: CellGroup, { cell_type, perturbation, donor }: Withhold): boolean =>
  !group.is_control &&
  group.cell_type === cell_type &&
  sameOrAny(perturbation, group.perturbation) &&
  sameOrAny(donor, group.donor);

/**
 * The rows of a group in two halves, ascending: the first belongs to the query, the other to the
 * truth. They depend on the seed and the group alone. A lone cell belongs to the query.
 */
export function halvesOf(
  { group_id: id, n_cells: n }: Pick<CellGroup, "group_id" | "n_cells">,
  seed: number,
): readonly [query: Int32Array, truth: Int32Array] {
  const query = drawWithoutReplacement(randomStream(seed, `halves/${id}`), n, Math.ceil(n / 2));
  const isQuery = new Set(query);
  return [
    query,
    Int32Array.from({ length: n }, (_, row) => row).filter((row) => !isQuery.has(row)),
  ];
}
