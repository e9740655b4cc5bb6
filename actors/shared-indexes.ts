import { readFile, stat } from "node:fs/promises";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";

/** Bytes of index files whose contents are kept. */
const KEPT_BYTES = 100_000_000;

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
    const index = readFile(file, "utf8").then((text) => JSON.parse(text) as AtlasIndex);
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
