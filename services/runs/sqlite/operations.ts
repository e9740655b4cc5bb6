import { type Answer, failed } from "./answer.ts";
import { DatabaseSync } from "node:sqlite";
import { administrationOperations } from "./administration.ts";
import { asideOperations } from "./aside.ts";
import { commitOperations } from "./commit.ts";
import { inboxOperations } from "./inbox.ts";
import { journalOperations } from "./journal.ts";
import { leaseOperations } from "./leases.ts";
import { readingOperations } from "./reading.ts";
import { removalOperations } from "./removal.ts";
import type { InsertRow } from "./rows.ts";
import { BUSY_MS } from "./durable.ts";
import { prepareSchema } from "./schema.ts";
import { sharedOperations } from "./shared.ts";
import { isDamage, storeDamaged } from "./damaged.ts";
import { sqlOf } from "./statements.ts";

/**
 * The statements behind the SQLite store. Synchronous: they run in the store's own thread, never on
 * the event loop.
 */

/** Errors: STORE_VERSION_UNKNOWN, STORE_DAMAGED. */
function opened(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    prepareSchema(db);
    return db;
  } catch (thrown) {
    db.close();
    throw isDamage(thrown)
      ? storeDamaged(file, "it is no file of SQLite, or its head is damaged")
      : thrown;
  }
}

export type SqliteOperations = ReturnType<typeof openSqliteOperations>;

export function openSqliteOperations(file: string) {
  const db = opened(file);
  const sql = sqlOf(db);
  const { change, atomically } = sql;
  const reading = readingOperations(sql);
  let touched = 0;

  return {
    /**
     * Does everything in one transaction, so that all of it waits for the disk once. What fails
     * alone is undone alone.
     */
    inOneTransaction: <Result>(parts: readonly (() => Result)[]): Answer<Result>[] =>
      atomically(() =>
        parts.map((part) => {
          try {
            return { value: atomically(part) };
          } catch (thrown) {
            // Some errors, like a full disk, end the whole transaction.
            if (!db.isTransaction) throw thrown;
            return failed(thrown);
          }
        }),
      ),

    insert: (row: InsertRow): boolean =>
      change(
        `INSERT INTO runs (run_id, revision, status, user_email, created_at, document, attention_at, lease_owner, lease_token, lease_expires_at)
         VALUES (?, 0, ?, ?, ?, ?, NULL, ?, ?, ?) ON CONFLICT (run_id) DO NOTHING`,
        row.run_id,
        row.status,
        row.user_email,
        row.created_at,
        row.document,
        row.lease_owner,
        row.lease_token,
        row.lease_expires_at,
      ) === 1,

    ...reading,
    ...commitOperations(sql),
    ...inboxOperations(sql),
    ...journalOperations(sql),
    ...leaseOperations(sql, reading.get),
    ...administrationOperations(sql, reading.get),
    ...asideOperations(sql, reading.get),
    ...removalOperations(sql),
    ...sharedOperations(sql),

    /**
     * Moves the write-ahead log into the file and empties it, unless another process is just
     * reading or writing.
     */
    emptyLog: (): boolean => {
      db.exec("PRAGMA busy_timeout = 0");
      const done = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      return done.busy === 0;
    },

    /** How often this connection has written. */
    writes: (): number =>
      (db.prepare("SELECT total_changes() AS changes").get() as { changes: number }).changes +
      touched,

    /** Writes the number of the schema once more as it stands: a commit like any other. */
    touch: (): void =>
      atomically(() => {
        const { user_version } = db.prepare("PRAGMA user_version").get() as {
          user_version: number;
        };
        db.exec(`PRAGMA user_version = ${user_version}`);
        touched += 1;
      }),

    /** What SQLite finds wrong in the file; null when nothing. Reads all of it. */
    faults: (): string | null => {
      try {
        const [first] = db.prepare("PRAGMA quick_check(1)").all() as { quick_check: string }[];
        return first?.quick_check === "ok" ? null : "its pages do not fit together";
      } catch (thrown) {
        if (!isDamage(thrown)) throw thrown;
        return "its pages cannot be read";
      }
    },

    close: (): void => db.close(),
  };
}
