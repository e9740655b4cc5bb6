import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HaystackError } from "../../../errors.ts";

/** A look at the lock is over within this. */
const LOOK_MS = 200;

/**
 * Makes this process the one daemon of a SQLite store. The operating system ends the lock with the
 * process, however it ends. Error STORE_LOCKED while another daemon lives.
 */
export function lockSqliteRuns({ file }: { readonly file: string }): () => void {
  mkdirSync(dirname(file), { recursive: true });
  const lock = new DatabaseSync(`${file}.lock`);
  try {
    lock.exec(`PRAGMA busy_timeout = ${LOOK_MS}; BEGIN EXCLUSIVE`);
  } catch (cause) {
    lock.close();
    throw new HaystackError(
      "STORE_LOCKED",
      `Another daemon hosts the runs of ${dirname(file)}; stop it, choose another --data-dir, or set MONGODB_URI to share runs between daemons.`,
      { cause },
    );
  }
  return () => lock.close();
}

/** Whether a daemon has the store; makes no file. */
export function isLocked({ file }: { readonly file: string }): boolean {
  if (!existsSync(`${file}.lock`)) return false;
  const lock = new DatabaseSync(`${file}.lock`, { readOnly: true });
  try {
    lock.exec("PRAGMA busy_timeout = 0; BEGIN; SELECT * FROM sqlite_schema; COMMIT");
    return false;
  } catch {
    return true;
  } finally {
    lock.close();
  }
}
