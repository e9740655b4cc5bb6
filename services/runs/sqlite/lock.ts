import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HaystackError, machineFault } from "../../../errors.ts";
import { systemWords } from "../../../system-words.ts";

/** A look at the lock is over within this. */
const LOOK_MS = 200;

/** The last byte of an error's number; the others tell more of it. */
const SQLITE_BUSY = 5;

const isHeld = (thrown: unknown): boolean =>
  ((thrown as { readonly errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;

/** Why there is no telling who has the lock. */
const unusable = (file: string, cause: unknown): HaystackError =>
  machineFault(cause, `Locking ${dirname(file)}`) ??
  new HaystackError(
    "STORE_UNAVAILABLE",
    `The lock ${file}.lock cannot be used (${systemWords(cause) ?? "it failed"}); check the file and its folder.`,
    { cause },
  );

/**
 * Makes this process the one daemon of a SQLite store. The operating system ends the lock with the
 * process, however it ends. Errors: STORE_LOCKED while another daemon lives; DISK_FULL,
 * TOO_MANY_FILES, STORE_UNAVAILABLE.
 */
export function lockSqliteRuns({ file }: { readonly file: string }): () => void {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    lock = new DatabaseSync(`${file}.lock`);
    lock.exec(`PRAGMA busy_timeout = ${LOOK_MS}; BEGIN EXCLUSIVE`);
  } catch (cause) {
    lock?.close();
    if (!isHeld(cause)) throw unusable(file, cause);
    throw new HaystackError(
      "STORE_LOCKED",
      `Another daemon hosts the runs of ${dirname(file)}; stop it, choose another --data-dir, or set MONGODB_URI to share runs between daemons.`,
      { cause },
    );
  }
  const held = lock;
  return () => held.close();
}

/** Whether a daemon has the store; makes no file. Error STORE_UNAVAILABLE where that cannot be told. */
export function isLocked({ file }: { readonly file: string }): boolean {
  if (!existsSync(`${file}.lock`)) return false;
  const lock = new DatabaseSync(`${file}.lock`, { readOnly: true });
  try {
    lock.exec("PRAGMA busy_timeout = 0; BEGIN; SELECT * FROM sqlite_schema; COMMIT");
    return false;
  } catch (thrown) {
    if (isHeld(thrown)) return true;
    throw unusable(file, thrown);
  } finally {
    lock.close();
  }
}
