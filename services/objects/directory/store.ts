import { systemWords } from "../../../system-words.ts";
import { createHash } from "node:crypto";
import { lstat, mkdir, realpath, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { HaystackError, machineFault, objectNotFound } from "../../../errors.ts";
import {
  hashFile,
  isAbsent,
  makeFolder,
  readStream,
  sizeOf,
  statOf,
  syncFolder,
  walkFiles,
  writeHashed,
} from "./files.ts";
import type { ObjectRef, ObjectStore } from "../index.ts";
import { checkObjectPath, isObjectPath, SCRATCH } from "../object-path.ts";
import { removeUnfinished, unfinishedName } from "../../../unfinished.ts";

function objectsError(thrown: unknown, doing: string, signal?: AbortSignal): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  if (signal?.aborted === true) {
    return new HaystackError("STEP_ABORTED", `${doing} was stopped before it finished.`, {
      cause: thrown,
    });
  }
  const fault = machineFault(thrown, doing);
  if (fault !== undefined) return fault;
  const why = systemWords(thrown) ?? (thrown instanceof Error ? thrown.message : String(thrown));
  return new HaystackError(
    "OBJECTS_UNAVAILABLE",
    `${doing} failed: ${why}; check the disk and its permissions.`,
    { cause: thrown },
  );
}

const NOT_EMPTY: ReadonlySet<unknown> = new Set(["ENOTEMPTY", "EEXIST"]);

/**
 * Removes the folder and those above it as far as they are empty, but none that lies directly in
 * the root; what went is gone on disk.
 */
async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  let left = folder;
  for (; left.includes("/"); left = dirname(left)) {
    try {
      await rmdir(join(root, left));
    } catch (thrown) {
      if (!NOT_EMPTY.has((thrown as NodeJS.ErrnoException).code) && !isAbsent(thrown)) throw thrown;
      if (!isAbsent(thrown)) break;
    }
  }
  await syncFolder(join(root, left));
}

interface Source {
  readonly size: number;
  readonly hash: () => Promise<string>;
  readonly open: () => Readable;
}

/**
 * Objects as files below `root`. A stored file is read-only, complete and on disk before its name
 * appears. Symbolic links below the root are no objects and are not followed. Unfinished work lies
 * in `root/.scratch`; what a killed process left there goes when the next one opens the root.
 */
export function directoryObjects({ root }: { readonly root: string }): ObjectStore {
  const base = resolve(root);
  const scratchFolder = join(base, SCRATCH);
  let prepared: Promise<string> | undefined;

  const prepare = async (): Promise<string> => {
    await mkdir(scratchFolder, { recursive: true });
    // Litter that cannot be removed is told of by whoever looks for litter.
    await removeUnfinished(scratchFolder).catch(() => undefined);
    return realpath(base);
  };
  const realBase = (): Promise<string> =>
    (prepared ??= prepare().catch((thrown: unknown) => {
      prepared = undefined;
      throw thrown;
    }));

  /** The file of the path, whose existing folders are all real folders below the root. */
  const fileOf = async (path: string): Promise<string> => {
    checkObjectPath(path);
    const real = await realBase();
    const parts = path.split("/");
    for (let depth = 1; depth <= parts.length; depth++) {
      const known = await lstat(join(real, ...parts.slice(0, depth))).catch((thrown: unknown) => {
        if (isAbsent(thrown)) return undefined;
        throw thrown;
      });
      if (known === undefined) break;
      if (known.isSymbolicLink())
        throw new HaystackError(
          "OBJECT_PATH_INVALID",
          `The object path ${path} leads through a symbolic link; use a real folder.`,
        );
    }
    return join(real, path);
  };

  const store = async (
    path: string,
    { size, hash, open }: Source,
    signal?: AbortSignal,
  ): Promise<ObjectRef> => {
    const file = await fileOf(path);
    if ((await sizeOf(file)) === size) {
      const present = await hashFile(file, signal);
      if (present === (await hash())) return { path, sha256: present };
    }
    const temporary = join(scratchFolder, unfinishedName());
    try {
      const sha256 = await writeHashed(open(), temporary, signal);
      await makeFolder(dirname(file));
      await rename(temporary, file);
      await syncFolder(dirname(file));
      return { path, sha256 };
    } finally {
      await rm(temporary, { force: true });
    }
  };

  return {
    isElsewhere: false,
    async put(path, localFile, signal) {
      try {
        signal?.throwIfAborted();
        const source = await realpath(localFile).catch(() => localFile);
        const size = await sizeOf(source);
        if (size === undefined)
          throw new HaystackError(
            "FILE_NOT_FOUND",
            `The file ${localFile} to be stored as ${path} does not exist.`,
          );
        return await store(
          path,
          { size, hash: () => hashFile(source, signal), open: () => readStream(source) },
          signal,
        );
      } catch (thrown) {
        throw objectsError(thrown, `Storing the object ${path}`, signal);
      }
    },
    async putText(path, text, signal) {
      try {
        signal?.throwIfAborted();
        const bytes = Buffer.from(text);
        const hash = async (): Promise<string> => createHash("sha256").update(bytes).digest("hex");
        return await store(
          path,
          { size: bytes.length, hash, open: () => Readable.from([bytes]) },
          signal,
        );
      } catch (thrown) {
        throw objectsError(thrown, `Storing the object ${path}`, signal);
      }
    },
    async fetch(ref, signal) {
      try {
        signal?.throwIfAborted();
        const file = await fileOf(ref.path);
        if ((await sizeOf(file)) === undefined) throw objectNotFound(ref.path);
        if ("sha256" in ref && (await hashFile(file, signal)) !== ref.sha256) {
          throw new HaystackError(
            "OBJECT_DAMAGED",
            `The object ${ref.path} differs from what was stored; restore it, or submit the question again.`,
          );
        }
        return file;
      } catch (thrown) {
        throw isAbsent(thrown)
          ? objectNotFound(ref.path)
          : objectsError(thrown, `Reading the object ${ref.path}`, signal);
      }
    },
    async stat(path) {
      try {
        const found = await statOf(await fileOf(path));
        if (found === undefined) return undefined;
        const { size, ino, mtimeNs } = found;
        return { path, size: Number(size), version: `${ino}-${mtimeNs}` };
      } catch (thrown) {
        throw objectsError(thrown, `Looking for the object ${path}`);
      }
    },
    async *list(prefix) {
      try {
        const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
        if (folder !== "") {
          if (!isObjectPath(folder.slice(0, -1))) return;
          await fileOf(folder.slice(0, -1));
        }
        yield* walkFiles(await realBase(), folder, prefix);
      } catch (thrown) {
        throw objectsError(thrown, `Listing the objects ${prefix}*`);
      }
    },
    async remove(path, signal) {
      try {
        signal?.throwIfAborted();
        const file = await fileOf(path);
        if ((await sizeOf(file)) === undefined) return;
        await rm(file, { force: true });
        await removeEmptyFolders(dirname(path), await realBase());
      } catch (thrown) {
        if (!isAbsent(thrown)) throw objectsError(thrown, `Removing the object ${path}`, signal);
      }
    },
    location(path) {
      checkObjectPath(path);
      return join(base, path);
    },
    async scratch() {
      try {
        await realBase();
        const folder = join(scratchFolder, `work-${unfinishedName()}`);
        await mkdir(folder, { mode: 0o700 });
        return folder;
      } catch (thrown) {
        throw objectsError(thrown, "Making a folder for unfinished work");
      }
    },
    close: async () => {},
  };
}
