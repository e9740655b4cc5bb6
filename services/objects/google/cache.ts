import { lstatSync, rmSync } from "node:fs";
import { lstat, mkdir, rename, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hashFile, isAbsent, walkFiles } from "../directory/files.ts";

export interface CachedObject {
  readonly file: string;
  readonly sha256: string;
  /** Of the object in the bucket, when known to be the same bytes. */
  readonly generation: number | undefined;
}

export interface ObjectCache {
  /**
   * The file of the object as it lies here, of whatever generation. It counts as in use from now
   * on.
   */
  find(path: string, signal?: AbortSignal): Promise<CachedObject | undefined>;
  /** Moves a complete file of the same file system in, then makes room. */
  admit(path: string, temporary: string, sha256: string, generation: number): Promise<CachedObject>;
  /** Removes the file of an object that is no more. */
  drop(path: string): void;
  /** Notes that the file here is the object of that generation. */
  confirm(path: string, generation: number): void;
}

interface Known {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly sha256: string;
  generation: number | undefined;
}

/**
 * Files of objects below `folder`, at their objects' paths. When they exceed `limitBytes` the ones
 * unused for longest go, but none that was asked for in the last `holdMs`: a file in use stays,
 * even beyond the limit. The time of last use is kept as the file's access time, so that order and
 * holding outlive a restart.
 */
export function objectCache({
  folder,
  limitBytes,
  holdMs,
}: {
  readonly folder: string;
  readonly limitBytes: number;
  readonly holdMs: number;
}): ObjectCache {
  const known = new Map<string, Known>();
  /** When this process asked for it last, by a clock that nobody sets. */
  const used = new Map<string, number>();
  const unusedFor = (path: string): number => performance.now() - (used.get(path) ?? -Infinity);
  /** Other processes tell by the access time; one that is yet to come is of a clock that was set. */
  const isHeld = (path: string, accessedAt: number): boolean =>
    unusedFor(path) < holdMs || Math.abs(Date.now() - accessedAt) < holdMs;
  let total: number | undefined;

  const filesByUse = async (): Promise<
    { path: string; size: number; accessedAt: number; usedAt: number }[]
  > => {
    const files = [];
    for await (const path of walkFiles(folder, "", "")) {
      const found = await lstat(join(folder, path)).catch(() => undefined);
      if (found !== undefined)
        files.push({
          path,
          size: found.size,
          accessedAt: found.atimeMs,
          usedAt: Math.max(found.atimeMs, Date.now() - unusedFor(path)),
        });
    }
    return files.toSorted((a, b) => a.usedAt - b.usedAt);
  };

  const makeRoom = async (justCome: string): Promise<void> => {
    if (total !== undefined && total <= limitBytes) return;
    const files = await filesByUse();
    total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size, accessedAt } of files) {
      if (total <= limitBytes) return;
      // Looking and removing happen in one turn, so that no `find` comes between.
      if (path === justCome || isHeld(path, accessedAt)) continue;
      rmSync(join(folder, path), { force: true });
      total -= size;
      known.delete(path);
      used.delete(path);
    }
  };

  const remember = async (
    path: string,
    sha256: string,
    generation: number | undefined,
  ): Promise<CachedObject> => {
    const file = join(folder, path);
    const { ino, size, mtimeMs } = await lstat(file);
    known.set(path, { ino, size, mtimeMs, sha256, generation });
    return { file, sha256, generation };
  };

  return {
    async find(path, signal) {
      const file = join(folder, path);
      used.set(path, performance.now());
      try {
        const found = await lstat(file);
        if (!found.isFile()) return undefined;
        await utimes(file, new Date(), found.mtime);
        const { ino, mtimeMs } = await lstat(file);
        const entry = known.get(path);
        if (
          entry !== undefined &&
          entry.ino === ino &&
          entry.size === found.size &&
          entry.mtimeMs === mtimeMs
        )
          return { file, sha256: entry.sha256, generation: entry.generation };
        return await remember(path, await hashFile(file, signal), undefined);
      } catch (thrown) {
        used.delete(path);
        if (isAbsent(thrown)) return undefined;
        throw thrown;
      }
    },
    async admit(path, temporary, sha256, generation) {
      const file = join(folder, path);
      const before = await lstat(file).catch(() => undefined);
      await mkdir(dirname(file), { recursive: true });
      used.set(path, performance.now());
      // Whole seconds, which setting the access time later does not round.
      await utimes(temporary, new Date(), Math.floor(Date.now() / 1000));
      await rename(temporary, file);
      const cached = await remember(path, sha256, generation);
      if (total !== undefined) total += (known.get(path)?.size ?? 0) - (before?.size ?? 0);
      await makeRoom(path);
      return cached;
    },
    drop(path) {
      const file = join(folder, path);
      if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === true)
        rmSync(file, { force: true });
      known.delete(path);
      used.delete(path);
      total = undefined;
    },
    confirm(path, generation) {
      const entry = known.get(path);
      if (entry !== undefined) entry.generation = generation;
    },
  };
}
