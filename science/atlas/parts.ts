import { HaystackError } from "../../errors.ts";
import type { AtlasIndex, CellGroup } from "./atlas-index.ts";
import type { GroupedCells as CellsByGroup } from "./cell-groups.ts";
import { countWarnings } from "./import-warnings.ts";
import { checkRounded, type CountedCells } from "./write-counts.ts";

/** An import that several machines share: each does some of the groups, then the parts are joined. */

export const PROFILES = "profiles.f32";

/** The `index`-th of `count` shares, from 0. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

/** What one machine did: groups in the order of the atlas, with their shards. */
export interface AtlasPart {
  readonly format: "haystack-atlas-part/1";
  readonly share: Share;
  /** The same in every part; warnings without those of the counts. */
  readonly atlas: Omit<AtlasIndex, "groups" | "n_cells" | "profiles">;
  readonly counted: CountedCells;
  readonly groups: readonly CellGroup[];
}

/**
 * Neighbouring groups that together have about an equal part of the cells; none where there are
 * fewer groups than shares. `groupOf` is that of all groups, and counts within the share after.
 */
export function groupsOfShare(
  { groups, groupOf }: CellsByGroup,
  { index, count }: Share,
): CellsByGroup {
  const total = groups.reduce((sum, { n_cells }) => sum + n_cells, 0);
  let before = 0;
  const shareOf = groups.map(({ n_cells }) => {
    const share = Math.floor((before * count) / total);
    before += n_cells;
    return share;
  });
  const first = shareOf.findIndex((share) => share >= index);
  const own = groups.filter((_, at) => shareOf[at] === index);
  return {
    groups: own,
    groupOf: groupOf.map((group) => (group >= 0 && shareOf[group] === index ? group - first : -1)),
  };
}

/**
 * The index of the whole atlas. Its profiles are those of the parts one after another.
 * @throws OBJECT_DAMAGED where the parts are not of one file, COUNTS_INVALID as importAtlas
 */
export function joinParts(parts: readonly AtlasPart[], profiles: string): AtlasIndex {
  const [first, ...others] = parts.toSorted((a, b) => a.share.index - b.share.index);
  if (first === undefined || first.share.count !== parts.length)
    throw new Error("Parts of the import are missing; import the file again.");
  const { atlas } = first;
  const reading = JSON.stringify(atlas);
  if (others.some((other) => JSON.stringify(other.atlas) !== reading))
    throw new HaystackError(
      "OBJECT_DAMAGED",
      `${atlas.source_file} was replaced while it was imported; import it again.`,
    );
  const all = [first, ...others];
  const sum = (of: keyof CountedCells): number =>
    all.reduce((total, { counted }) => total + counted[of], 0);
  const counted = { cells: sum("cells"), zeroCells: sum("zeroCells"), rounded: sum("rounded") };
  checkRounded(counted, atlas.x_source.slot, atlas.source_file);
  const groups = all.flatMap((part) => part.groups);
  const { warnings, ...described } = atlas;
  return {
    ...described,
    n_cells: groups.reduce((total, group) => total + group.n_cells, 0),
    groups,
    profiles,
    warnings: [...warnings, ...countWarnings(counted)],
  };
}
