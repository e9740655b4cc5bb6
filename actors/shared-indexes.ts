import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { JSONParser } from "@streamparser/json";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";

/** Bytes of index files whose contents are kept. */
const KEPT_BYTES = 100_000_000;

/** A larger file is parsed piece by piece, between which the process does its other work. */
const PARSED_AT_ONCE_BYTES = 1 << 20;

interface Kept {
  readonly index: Promise<AtlasIndex>;
  readonly bytes: number;
}

/**
 * Reads index files of atlases: all who ask for one at a time, and those who ask later, share what
 * one of them has read, for as long as the file stands as it is. Nobody may change what they get.
 */
export function sharedIndexes(): (file: string) => Promise<AtlasIndex> {
  const kept = new Map<string, Kept>();
  let bytes = 0;
  const forget = (key: string): void => {
    bytes -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  };
  return async (file) => {
    const { size, mtimeMs, ino } = await stat(file);
    const key = [file, size, mtimeMs, ino].join(":");
    const known = kept.get(key);
    if (known !== undefined) {
      // The last used stands last.
      kept.delete(key);
      kept.set(key, known);
      return known.index;
    }
    const index = (
      size > PARSED_AT_ONCE_BYTES ? parseInPieces(file) : parseAtOnce(file)
    ) as Promise<AtlasIndex>;
    kept.set(key, { index, bytes: size });
    bytes += size;
    index.catch(() => forget(key));
    for (const oldest of kept.keys()) {
      if (bytes <= KEPT_BYTES || oldest === key) break;
      forget(oldest);
    }
    return index;
  };
}

async function parseAtOnce(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, "utf8"));
}

/** Error SyntaxError, as of parseAtOnce. */
async function parseInPieces(file: string): Promise<unknown> {
  const parser = new JSONParser({ paths: ["$"] });
  let whole: unknown;
  parser.onValue = ({ value }) => (whole = value);
  try {
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) parser.write(piece);
    if (!parser.isEnded) parser.end();
  } catch (cause) {
    if (cause instanceof Error && "syscall" in cause) throw cause;
    throw new SyntaxError(`${file} is not JSON.`, { cause });
  }
  return whole;
}
