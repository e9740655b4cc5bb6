import { HaystackError } from "../../errors.ts";

/** Name of the folder for unfinished work; no object's path starts with it. */
export const SCRATCH = ".scratch";

/**
 * Google Cloud Storage's limit for a name, and the usual file system's limit for one part of it,
 * both in UTF-8 bytes.
 */
const LONGEST_PATH = 1024;
const LONGEST_PART = 255;

function problemOf(path: string): string | undefined {
  if (path === "") return "is empty";
  if (Buffer.byteLength(path) > LONGEST_PATH) return `is longer than ${LONGEST_PATH} bytes`;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001F\u007F\\]/.test(path)) return "has a backslash or a control character";
  if (!path.isWellFormed()) return "is not well-formed Unicode";
  const parts = path.split("/");
  if (parts.includes("")) return "is absolute or has an empty part";
  if (parts.includes(".") || parts.includes("..")) return 'has a part "." or ".."';
  if (parts[0] === SCRATCH) return "lies in the folder for unfinished work";
  if (parts.some((part) => Buffer.byteLength(part) > LONGEST_PART))
    return `has a part longer than ${LONGEST_PART} bytes`;
  return undefined;
}

/** Whether an object can have this path, in every store. */
export const isObjectPath = (path: string): boolean => problemOf(path) === undefined;

/** Refuses what is no object path in every store. Error OBJECT_PATH_INVALID. */
export function checkObjectPath(path: string): void {
  const problem = problemOf(path);
  if (problem === undefined) return;
  throw new HaystackError(
    "OBJECT_PATH_INVALID",
    `The object path ${JSON.stringify(path.slice(0, 200))} ${problem}; use a relative path like "results/run/file.h5ad".`,
  );
}
