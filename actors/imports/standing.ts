import { dirname } from "node:path";
import { HaystackError, atlasNotFound } from "../../errors.ts";
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

/** Error ATLAS_NOT_FOUND. */
export async function readAtlas(
  objects: ObjectStore,
  dataset: string,
  signal?: AbortSignal,
): Promise<Standing> {
  const found = await standingAtlas(objects, dataset, signal);
  if (found === undefined) throw atlasNotFound(dataset);
  return found;
}

export async function standingAtlas(
  objects: ObjectStore,
  dataset: string,
  signal?: AbortSignal,
): Promise<Standing | undefined> {
  const path = indexPath(dataset);
  if ((await objects.stat(path)) === undefined) return undefined;
  const file = await objects.fetch({ path }, signal);
  return { index: await indexOf(file), dir: dirname(file) };
}

/** By which an import is known to mean the same as another. */
type Reading = Pick<AtlasIndex, "dataset" | "source_sha256" | "columns" | "x_source" | "genes">;

/** @throws ATLAS_EXISTS unless both imports took the same of the same file */
export function checkSame(stands: Reading, made: Reading): void {
  const reading = ({ source_sha256, columns, x_source, genes }: Reading) =>
    JSON.stringify([source_sha256, columns, x_source, genes]);
  if (reading(stands) === reading(made)) return;
  throw new HaystackError(
    "ATLAS_EXISTS",
    `An atlas named ${made.dataset} was imported from another file or read in another way; choose another name with --dataset.`,
  );
}
