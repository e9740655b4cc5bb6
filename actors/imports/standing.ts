import { dirname } from "node:path";
import { HaystackError, atlasNotFound, toHaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import { sharedIndexes } from "../shared-indexes.ts";

const indexOf = sharedIndexes();

/** The atlas of a name that stands already, and whether an import means the same. */

export const indexPath = (dataset: string): string => `atlases/${dataset}/index.json`;

export interface Standing {
  readonly index: AtlasIndex;
  /** Local folder. */
  readonly dir: string;
}

/** Errors: ATLAS_NOT_FOUND, FILE_DAMAGED. */
export async function readAtlas(
  objects: ObjectStore,
  dataset: string,
  signal?: AbortSignal,
): Promise<Standing> {
  const path = indexPath(dataset);
  if ((await objects.stat(path)) === undefined) throw atlasNotFound(dataset);
  const file = await objects.fetch({ path }, signal);
  const index: unknown = await indexOf(file).catch((thrown: unknown) => {
    if (thrown instanceof SyntaxError) throw damaged(dataset, thrown);
    throw thrown;
  });
  if (!isIndex(index)) throw damaged(dataset);
  return { index, dir: dirname(file) };
}

/** One that is damaged does not stand: an import of its name makes it anew. */
export async function standingAtlas(
  objects: ObjectStore,
  dataset: string,
  signal?: AbortSignal,
): Promise<Standing | undefined> {
  try {
    return await readAtlas(objects, dataset, signal);
  } catch (thrown) {
    const { code } = toHaystackError(thrown);
    if (code === "ATLAS_NOT_FOUND" || code === "FILE_DAMAGED") return undefined;
    throw thrown;
  }
}

/** Those that this release reads; science/atlas/open.ts looks at the rest. */
const FORMATS: ReadonlySet<unknown> = new Set<AtlasIndex["format"]>([
  "haystack-atlas/1",
  "haystack-atlas/2",
]);

function isIndex(read: unknown): read is AtlasIndex {
  const { format, groups, dataset } = (read ?? {}) as Partial<Record<keyof AtlasIndex, unknown>>;
  return FORMATS.has(format) && Array.isArray(groups) && typeof dataset === "string";
}

const damaged = (dataset: string, cause?: unknown): HaystackError =>
  new HaystackError(
    "FILE_DAMAGED",
    `The atlas ${dataset} is damaged or was written by another version; import it again, or name other atlases.`,
    { cause },
  );

/** By which an import is known to mean the same as another. */
type Reading = Pick<
  AtlasIndex,
  "dataset" | "source_sha256" | "columns" | "told" | "x_source" | "genes"
>;

/**
 * Older atlases do not say what was told; the type of all cells is that of each group, and the modality
 * is that of `made`, as far as their genes tell.
 */
function toldOf({ told, columns, groups }: AtlasIndex, made: Reading): Reading["told"] {
  const [group] = groups;
  const own =
    told !== undefined || columns.cell_type !== null || group === undefined
      ? told
      : { cell_type: group.cell_type };
  return { ...own, ...given({ modality: own?.modality ?? made.told?.modality }) };
}

/** @throws ATLAS_EXISTS unless both imports took the same of the same file */
export function checkSame(stands: AtlasIndex, made: Reading): void {
  const reading = ({ source_sha256, columns, told = {}, x_source, genes }: Reading) =>
    JSON.stringify([source_sha256, columns, told, x_source, genes]);
  if (reading({ ...stands, ...given({ told: toldOf(stands, made) }) }) === reading(made)) return;
  throw new HaystackError(
    "ATLAS_EXISTS",
    `An atlas named ${made.dataset} was imported from another file, or the same was read in another way (by other options, or an earlier release); choose another name with --dataset.`,
  );
}
