import { HaystackError } from "../../../errors.ts";

/** SQLite's errors of a file that is damaged, or none of its own. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26]);

export const isDamage = (thrown: unknown): boolean =>
  DAMAGED.has(((thrown as { readonly errcode?: number }).errcode ?? 0) % 256);

export const storeDamaged = (file: string, problem: string): HaystackError =>
  new HaystackError(
    "STORE_DAMAGED",
    `The run store ${file} is damaged (${problem}); nothing was changed: restore a backup into a new data folder with \`haystack restore\`.`,
  );
