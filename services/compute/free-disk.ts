import { statfsSync } from "node:fs";
import { HaystackError } from "../../errors.ts";

/** With less nothing of ours can be written. */
const LEAST_BYTES = 8 * 1024 * 1024;

/** Bytes that may still be written in the folder; undefined where the machine does not say. */
export function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** DISK_FULL where hardly anything may be written in one of the folders. */
export function fullDisk(folders: readonly string[]): HaystackError | undefined {
  const full = folders.find(
    (folder) => (freeBytes(folder) ?? Number.POSITIVE_INFINITY) < LEAST_BYTES,
  );
  return full === undefined
    ? undefined
    : new HaystackError("DISK_FULL", `The disk of ${full} is full; free some space.`);
}
