/**
 * `claim_at` is when the next host may take the run: its attention time, but not before the present lease ends.
 * A change of `status` without a new revision comes from another program and asks for attention.
 */
export const SQLITE_SCHEMA = `
PRAGMA busy_timeout = 10000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 16384;

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
  claim_at INTEGER GENERATED ALWAYS AS
    (CASE WHEN attention_at IS NULL THEN NULL ELSE max(attention_at, coalesce(lease_expires_at, 0)) END) VIRTUAL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_claim ON runs (claim_at) WHERE claim_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS runs_owner ON runs (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS runs_outside ON runs (lease_owner) WHERE outside_change = 1;
CREATE INDEX IF NOT EXISTS runs_newest ON runs (created_at, run_id);
CREATE INDEX IF NOT EXISTS runs_status ON runs (status, created_at, run_id);
CREATE INDEX IF NOT EXISTS runs_queue ON runs (coalesce(user_email, ''), created_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS runs_dispatched ON runs (attention_at) WHERE status = 'pending' AND attention_at > 0;
CREATE INDEX IF NOT EXISTS runs_active ON runs (user_email) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS runs_user ON runs (user_email, created_at, run_id);
CREATE TRIGGER IF NOT EXISTS runs_outside_change AFTER UPDATE OF status ON runs
  WHEN NEW.status <> OLD.status AND NEW.revision = OLD.revision
  BEGIN UPDATE runs SET attention_at = 0, outside_change = 1 WHERE run_id = NEW.run_id; END;

CREATE TABLE IF NOT EXISTS inbox (
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  consumed INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inbox_waiting ON inbox (run_id, position) WHERE consumed = 0;

CREATE TABLE IF NOT EXISTS history (
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  entry TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS history_run ON history (run_id);

CREATE TABLE IF NOT EXISTS journal (
  run_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
`;
