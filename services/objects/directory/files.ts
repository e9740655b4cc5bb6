import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream, type ReadStream } from "node:fs";
import { lstat, mkdir, open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SCRATCH } from "../object-path.ts";

const codeOf = (thrown: unknown): unknown =>
  thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
export const isAbsent = (thrown: unknown): boolean =>
  codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR";

/** Bytes read at a time. */
const CHUNK = 1 << 20;

export const readStream = (file: string, signal?: AbortSignal): ReadStream =>
  createReadStream(file, { highWaterMark: CHUNK, ...(signal === undefined ? {} : { signal }) });

export async function hashFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readStream(file, signal)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Bytes of the file; undefined when there is no such file. */
export async function sizeOf(file: string): Promise<number | undefined> {
  const found = await statOf(file);
  return found === undefined ? undefined : Number(found.size);
}

/** Undefined when there is no such file. */
export async function statOf(file: string): Promise<BigIntStats | undefined> {
  try {
    const found = await lstat(file, { bigint: true });
    return found.isFile() ? found : undefined;
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the folder and its parents so that they survive a loss of power. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made))
    await syncFolder(dirname(made));
}

/** Streams `source` into `temporary`, flushed to disk; returns the SHA-256 of what was written. */
export async function writeHashed(
  source: Readable,
  temporary: string,
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  // Opened before anything can fail: a stream that opens it itself may do so after it was removed.
  const handle = await open(temporary, "wx", 0o444);
  await pipeline(
    source,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    handle.createWriteStream({ flush: true }),
    signal === undefined ? {} : { signal },
  );
  return hash.digest("hex");
}

/**
 * The files below `root` whose relative path starts with `prefix`, sorted; `folder` is empty or
 * ends with a slash. Symbolic links are left out.
 */
export async function* walkFiles(
  root: string,
  folder: string,
  prefix: string,
): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(
    (thrown: unknown) => {
      if (isAbsent(thrown)) return [];
      throw thrown;
    },
  );
  const names = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : ""));
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    if (name === `${SCRATCH}/`) continue;
    if (name.endsWith("/")) {
      if (name.startsWith(prefix) || prefix.startsWith(name)) yield* walkFiles(root, name, prefix);
    } else if (name.startsWith(prefix)) yield name;
  }
}
