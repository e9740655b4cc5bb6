import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { access, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { HaystackError } from "../../errors.ts";
import { systemWords } from "../../system-words.ts";
import type { ArchiveFile } from "./document.ts";

/** Bytes read at a time. */
const CHUNK = 1 << 20;

/** What a file holds. */
export type Written = Omit<ArchiveFile, "path">;

export const codeOf = (thrown: unknown): unknown => (thrown as NodeJS.ErrnoException | null)?.code;
export const isAbsent = (thrown: unknown): boolean =>
  codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR";

export function archiveFailed(thrown: unknown, doing: string): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  const why = systemWords(thrown) ?? (thrown instanceof Error ? thrown.message : String(thrown));
  return new HaystackError(
    "ARCHIVE_FAILED",
    `${doing} failed: ${why}; put that right and start again with an empty folder.`,
    { cause: thrown },
  );
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Folders that this process has made are on disk with their parents once `sync` returns. */
export function folderMaker() {
  const touched = new Set<string>();
  return {
    async make(folder: string): Promise<void> {
      if (touched.has(folder)) return;
      const first = await mkdir(folder, { recursive: true, mode: 0o700 });
      touched.add(folder);
      if (first === undefined) return;
      for (let made = folder; made.length >= first.length; made = dirname(made))
        touched.add(dirname(made));
    },
    async sync(): Promise<void> {
      for (const folder of touched) await syncFolder(folder);
      touched.clear();
    },
  };
}

/** Copies a file to a name that is free, flushed to disk; tells what was written. */
export async function copyHashed(source: string, target: string, mode: number): Promise<Written> {
  const hash = createHash("sha256");
  let bytes = 0;
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const to = await open(target, "wx", mode);
    await pipeline(
      from.createReadStream({ highWaterMark: CHUNK }),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      to.createWriteStream({ flush: true }),
    );
  } finally {
    await from.close().catch(() => undefined);
  }
  return { bytes, sha256: hash.digest("hex") };
}

export async function hashed(file: string): Promise<Written> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
