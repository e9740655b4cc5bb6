import type { DatabaseSync } from "node:sqlite";

export const BUSY_MS = 10_000;
/** The last byte of an error's number; the others tell more of it. */
const SQLITE_BUSY = 5;

/**
 * Every COMMIT on this connection is on disk before it returns; who meets another process's lock
 * waits for it, up to ten seconds. SQLite itself waits for no lock when it changes the journal of a
 * new file, which another process may be making.
 */
export function setDurable(db: DatabaseSync): void {
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  for (
    const end = performance.now() + BUSY_MS;
    ;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  ) {
    try {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      return;
    } catch (error) {
      const isBusy = ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
      if (!isBusy || performance.now() > end) throw error;
    }
  }
}

/** What is looked at and changed under the write lock of the file, whole or not at all. */
export function underLock(db: DatabaseSync, work: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    work();
    db.exec("COMMIT");
  } catch (thrown) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw thrown;
  }
}
