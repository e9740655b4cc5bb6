import { createHash } from "node:crypto";
import { copyFile, link, mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import pLimit from "p-limit";
import { objectNotFound } from "../../errors.ts";
import type { ObjectStore } from "../../services/objects/index.ts";

/** Files to import that lie in a bucket: an object, or all objects below a path (a zarr folder). */

const PARALLEL = 16;

export interface SourceFound {
  readonly isFolder: boolean;
  readonly bytes: number;
  /** Another one as soon as any of it was replaced. */
  readonly version: string;
}

/** Error OBJECT_NOT_FOUND. */
export async function lookAtSource(objects: ObjectStore, path: string): Promise<SourceFound> {
  const whole = await objects.stat(path);
  if (whole !== undefined)
    return { isFolder: false, bytes: whole.size, version: `${whole.version}-${whole.size}` };
  const names = await namesBelow(objects, path);
  const stats = await pLimit(PARALLEL).map(names, (name) => objects.stat(name));
  const hash = createHash("sha256");
  let bytes = 0;
  for (const [at, found] of stats.entries()) {
    hash.update(`${names[at]}\0${found?.version}\0${found?.size}\0`);
    bytes += found?.size ?? 0;
  }
  return { isFolder: true, bytes, version: hash.digest("hex") };
}

/**
 * Gives the work a local file or folder of the source's own name. Errors: OBJECT_NOT_FOUND and
 * others of the store.
 */
export async function withSource<Result>(
  objects: ObjectStore,
  path: string,
  work: (file: string) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  if ((await objects.stat(path)) !== undefined) return work(await objects.fetch({ path }, signal));
  const names = await namesBelow(objects, path);
  const scratch = await objects.scratch();
  try {
    const folder = join(scratch, basename(path));
    await pLimit(PARALLEL).map(names, async (name) => {
      const file = join(folder, name.slice(path.length + 1));
      await mkdir(dirname(file), { recursive: true });
      const fetched = await objects.fetch({ path: name }, signal);
      // A copy of an object that was there before must not lie among those that are there now.
      await link(fetched, file).catch(() => copyFile(fetched, file));
    });
    return await work(folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function namesBelow(objects: ObjectStore, path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of objects.list(`${path}/`)) names.push(name);
  if (names.length === 0)
    throw objectNotFound(path, { advice: "check the address of the file or folder." });
  return names.toSorted();
}
