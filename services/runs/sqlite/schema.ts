import { crc32 } from "node:zlib";
import type { DatabaseSync } from "node:sqlite";
import { HaystackError } from "../../../errors.ts";
import { setDurable, underLock } from "./durable.ts";
import { LEFT } from "./statements.ts";

/** Columns that files of earlier versions do not have. */
const ADDED_COLUMNS = [
  ["runs", "priority", "INTEGER NOT NULL DEFAULT 0"],
  ["runs", "taking_up", "INTEGER NOT NULL DEFAULT 0"],
  ["runs", "take_ups", "INTEGER NOT NULL DEFAULT 0"],
  ["runs", "set_aside", "TEXT"],
  ["inbox", "received_at", "INTEGER NOT NULL DEFAULT 0"],
] as const;

/**
 * Makes or completes the tables. A file that has them is opened without the write lock,
 * so that a process which stands still in the midst of a write does not keep others from reading.
 */
export function prepareSchema(db: DatabaseSync): void {
  setDurable(db);
  db.exec(CONNECTION);
  if (versionOf(db) === SCHEMA_VERSION) return;
  // Under the lock: another process may be making the tables of a new file.
  underLock(db, () => {
    complete(db);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function complete(db: DatabaseSync): void {
  checkIsOurs(db);
  for (const [table, column, type] of ADDED_COLUMNS) {
    const columns = db.prepare("SELECT name FROM pragma_table_info(?)").all(table) as {
      name: string;
    }[];
    if (columns.length > 0 && !columns.some(({ name }) => name === column))
      db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  }
  db.exec(SQLITE_SCHEMA);
  db.exec(RENAME_UNUSABLE);
}

/** What the tables were under earlier schemas; the last one is the present. */
export const SCHEMA_VERSIONS: readonly number[] = [
  1_689_995_092, -1_953_348_211, 999_055_693, -1_037_645_639, 957_408_260, 1_718_506_717,
  -2_079_083_615,
];

/** A file of another program, or of a later release, is left as it is. Error STORE_VERSION_UNKNOWN. */
function checkIsOurs(db: DatabaseSync): void {
  const version = versionOf(db);
  const columns = db.prepare("SELECT name FROM pragma_table_info('runs')").all() as {
    name: string;
  }[];
  const names = columns.map(({ name }) => name);
  const isUnnumbered =
    version === 0 &&
    (names.length === 0
      ? db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined
      : ["run_id", "revision", "document", "snapshot", "lease_token"].every((name) =>
          names.includes(name),
        ));
  if (isUnnumbered || SCHEMA_VERSIONS.includes(version)) return;
  throw new HaystackError(
    "STORE_VERSION_UNKNOWN",
    `The run store was written by a newer release or by another program (version ${version}); run that release, or choose another --data-dir.`,
  );
}

const versionOf = (db: DatabaseSync): number =>
  (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;

const CONNECTION = `
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 16384;
`;

/** Another program wrote an id that no page can show and nobody can ask for; the run gets one. */
const UNUSABLE_ID = "length(CAST(NEW.run_id AS BLOB)) NOT BETWEEN 1 AND 200";
const OWN_ID = "'outside-' || lower(hex(randomblob(12)))";
/** Those of earlier versions; what has ended under such an id keeps it. */
const RENAME_UNUSABLE = `UPDATE runs AS NEW SET run_id = run_id WHERE ${UNUSABLE_ID}
  AND run_id NOT IN (SELECT run_id FROM inbox UNION SELECT run_id FROM history UNION SELECT run_id FROM mails)`;

/**
 * `taking_up`: it was claimed, and has neither made a commit nor kept its lease; `take_ups`: how
 * often the process that had it so is gone. `claim_at` is when the next host may take the run: its
 * attention time, but not before the present lease ends. A change of `status` without a new
 * revision comes from another program and asks for attention.
 */
const SQLITE_SCHEMA = `
CREATE TABLE IF NOT EXISTS runs (
  run_id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  status TEXT NOT NULL,
  user_email TEXT,
  created_at TEXT NOT NULL,
  document TEXT NOT NULL,
  snapshot TEXT,
  machine TEXT,
  outbox TEXT NOT NULL DEFAULT '[]',
  wake_at INTEGER,
  attention_at INTEGER,
  lease_owner TEXT,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_expires_at INTEGER,
  outside_change INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL DEFAULT 0,
  taking_up INTEGER NOT NULL DEFAULT 0,
  take_ups INTEGER NOT NULL DEFAULT 0,
  set_aside TEXT,
  claim_at INTEGER GENERATED ALWAYS AS
    (CASE WHEN attention_at IS NULL THEN NULL ELSE max(attention_at, coalesce(lease_expires_at, 0)) END) VIRTUAL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_claim ON runs (claim_at) WHERE claim_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS runs_owner ON runs (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS runs_outside ON runs (lease_owner) WHERE outside_change = 1;
CREATE INDEX IF NOT EXISTS runs_newest ON runs (created_at, run_id);
CREATE INDEX IF NOT EXISTS runs_status ON runs (status, created_at, run_id);
CREATE INDEX IF NOT EXISTS runs_queue ON runs (coalesce(user_email, ''), created_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS runs_queue_order ON runs (coalesce(user_email, ''), priority DESC, created_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS runs_dispatched ON runs (attention_at) WHERE status = 'pending' AND attention_at > 0;
CREATE INDEX IF NOT EXISTS runs_active ON runs (user_email) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS runs_user ON runs (user_email, created_at, run_id);
CREATE INDEX IF NOT EXISTS runs_left ON runs (created_at) WHERE ${LEFT};
CREATE INDEX IF NOT EXISTS runs_aside ON runs (created_at) WHERE set_aside IS NOT NULL;
DROP TRIGGER IF EXISTS runs_outside_change;
CREATE TRIGGER runs_outside_change AFTER UPDATE OF status ON runs
  WHEN NEW.status <> OLD.status AND NEW.revision = OLD.revision AND NEW.set_aside IS NULL
  BEGIN UPDATE runs SET attention_at = 0, outside_change = 1 WHERE run_id = NEW.run_id; END;
DROP TRIGGER IF EXISTS runs_unusable_id;
CREATE TRIGGER runs_unusable_id AFTER INSERT ON runs WHEN ${UNUSABLE_ID}
  BEGIN UPDATE runs SET run_id = ${OWN_ID} WHERE run_id = NEW.run_id; END;
DROP TRIGGER IF EXISTS runs_unusable_new_id;
CREATE TRIGGER runs_unusable_new_id AFTER UPDATE OF run_id ON runs WHEN ${UNUSABLE_ID}
  BEGIN UPDATE runs SET run_id = ${OWN_ID} WHERE run_id = NEW.run_id; END;

CREATE TABLE IF NOT EXISTS inbox (
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  consumed INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL,
  received_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inbox_waiting ON inbox (run_id, position) WHERE consumed = 0;

CREATE TABLE IF NOT EXISTS history (
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  entry TEXT NOT NULL
) STRICT;
DROP INDEX IF EXISTS history_run;
CREATE INDEX IF NOT EXISTS history_revision ON history (run_id, json_extract(entry, '$[0].revision'));

CREATE TABLE IF NOT EXISTS mails (
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  key TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mails_state ON mails (state);

CREATE TABLE IF NOT EXISTS removals (
  run_id TEXT PRIMARY KEY,
  keeps_results INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS shared (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS journal (
  run_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
`;

/**
 * Of this text, so that no change of it can forget to change its number; a test holds it to be the
 * last of SCHEMA_VERSIONS.
 */
export const SCHEMA_VERSION = crc32(SQLITE_SCHEMA) | 0;
