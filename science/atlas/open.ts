import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { AtlasIndex, CellGroup, OpenAtlas } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import { meanProfile } from "./profile.ts";
import { readGroup } from "./read-group.ts";
import { halvesOf, isAskedControl, isWithheld, type Withhold } from "./withhold.ts";

export interface OpenAtlasOptions {
  /** Leaves out perturbed groups. Controls stay, whole or by half: they are the query. */
  readonly withhold?: Withhold;
}

const FORMATS: ReadonlySet<string> = new Set<AtlasIndex["format"]>([
  "haystack-atlas/1",
  "haystack-atlas/2",
]);
/** Profiles up to this many bytes are read at once on first use, larger ones row by row. */
const READ_WHOLE = 256 * 1024 * 1024;

/**
 * Opens an imported atlas. Reads the index only; profiles follow when first asked for, cells
 * through readGroup. `index.n_cells` and `index.groups` cover the groups that are not withheld.
 * @throws ATLAS_NOT_FOUND, FILE_DAMAGED
 */
export async function openAtlas(dir: string, options: OpenAtlasOptions = {}): Promise<OpenAtlas> {
  const whole = readIndex(dir);
  const { withhold } = options;
  const groups = whole.groups
    .filter((group) => withhold === undefined || !isWithheld(group, withhold))
    .map((group) => (withhold === undefined ? group : asSeen(group, withhold)));
  const rowOf = new Map(whole.groups.map((group, row) => [group.group_id, row]));
  const listed = new Set(groups.map((group) => group.group_id));
  const readProfile = profileReader(join(dir, whole.profiles), whole);
  const ofHalves = new Map<string, Float32Array>();
  for (const group of groups)
    if (group.rows !== undefined)
      ofHalves.set(group.group_id, meanProfile((await readGroup(dir, group)).counts));
  return {
    dir,
    index: { ...whole, groups, n_cells: groups.reduce((total, group) => total + group.n_cells, 0) },
    profile(groupId) {
      const row = rowOf.get(groupId);
      if (row === undefined || !listed.has(groupId))
        throw new HaystackError(
          "ATLAS_NOT_FOUND",
          `The atlas ${whole.dataset} has no cell group "${groupId}"; choose one from its index.`,
        );
      return ofHalves.get(groupId) ?? readProfile(row);
    },
  };
}

function asSeen(group: CellGroup, withhold: Withhold): CellGroup {
  if (withhold.split_seed === undefined || !isAskedControl(group, withhold)) return group;
  const [rows] = halvesOf(group, withhold.split_seed);
  return { ...group, rows, n_cells: rows.length };
}

function readIndex(dir: string): AtlasIndex {
  const path = join(dir, "index.json");
  if (!existsSync(path))
    throw new HaystackError(
      "ATLAS_NOT_FOUND",
      `${dir} is not an imported atlas; import one with \`haystack atlas import\`.`,
    );
  const damaged = (cause?: unknown) =>
    new HaystackError(
      "FILE_DAMAGED",
      `${path} is damaged or was written by another version; import the atlas again.`,
      { cause },
    );
  let index: AtlasIndex;
  try {
    index = JSON.parse(readFileSync(path, "utf8")) as AtlasIndex;
  } catch (cause) {
    throw damaged(cause);
  }
  if (!FORMATS.has(index.format)) throw damaged();
  const profiles = join(dir, index.profiles);
  if (!existsSync(profiles) || statSync(profiles).size !== index.groups.length * index.n_genes * 4)
    throw damaged();
  return index;
}

function profileReader(
  path: string,
  { groups, n_genes: nGenes }: AtlasIndex,
): (row: number) => Float32Array {
  if (groups.length * nGenes * 4 > READ_WHOLE)
    return (row) => readFloats(path, row * nGenes, nGenes);
  let all: Float32Array | null = null;
  return (row) => {
    all ??= readFloats(path, 0, groups.length * nGenes);
    return all.subarray(row * nGenes, (row + 1) * nGenes);
  };
}

function readFloats(path: string, from: number, length: number): Float32Array {
  const floats = new Float32Array(length);
  const file = openSync(path, "r");
  try {
    const read = readSync(file, floats, 0, floats.byteLength, from * 4);
    if (read !== floats.byteLength)
      throw new HaystackError("FILE_DAMAGED", `${path} is truncated; import the atlas again.`);
  } finally {
    closeSync(file);
  }
  return floats;
}
