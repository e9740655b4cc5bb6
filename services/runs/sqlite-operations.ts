import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { administrationOperations, recordMails } from "./sqlite-administration.ts";
import { prepareSchema } from "./sqlite-schema.ts";

/** The statements behind the SQLite store. Synchronous: they run in the store's own thread, never on the event loop. */

export interface RunRow {
  readonly run_id: string;
  readonly revision: number;
  readonly status: string;
  readonly document: string;
  readonly snapshot: string | null;
  readonly machine: string | null;
  readonly outbox: string;
  readonly wake_at: number | null;
  readonly lease_owner: string | null;
  readonly lease_token: number;
  readonly lease_expires_at: number | null;
  readonly priority: number;
  readonly inbox: readonly InboxRow[];
}
export interface ChangesRow {
  readonly document: string;
  readonly status: string;
  readonly revision: number;
  readonly has_events: number;
  readonly history: readonly string[];
}
export interface InboxRow {
  readonly id: string;
  readonly event: string;
}
export interface CommitRow {
  readonly run_id: string;
  readonly revision: number;
  readonly token: number;
  readonly expected_status: string;
  readonly status: string;
  readonly document: string;
  readonly snapshot: string;
  readonly machine: string;
  readonly outbox: string;
  readonly wake_at: number | null;
  readonly attention_at: number | null;
  readonly consumed: readonly string[];
  /** The entries of the transition log as one JSON array; null when there are none. */
  readonly history: string | null;
}
export interface InsertRow {
  readonly run_id: string;
  readonly status: string;
  readonly user_email: string | null;
  readonly created_at: string;
  readonly document: string;
  readonly lease_owner: string | null;
  readonly lease_token: number;
  readonly lease_expires_at: number | null;
}
interface LeaseRef {
  readonly run_id: string;
  readonly token: number;
}

const COLUMNS = "run_id, revision, status, document, snapshot, machine, outbox, wake_at, lease_owner, lease_token, lease_expires_at, priority";
/** Attention stays due while the inbox holds an event. */
const ATTENTION = (otherwise: string): string =>
  `CASE WHEN EXISTS (SELECT 1 FROM inbox WHERE inbox.run_id = runs.run_id AND consumed = 0) THEN 0 ELSE ${otherwise} END`;
/** Another program has written the status since the last commit. */
const CHANGED_OUTSIDE = "outside_change = 1";

export type SqliteOperations = ReturnType<typeof openSqliteOperations>;

export function openSqliteOperations(file: string) {
  const db = new DatabaseSync(file);
  prepareSchema(db);
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    let found = prepared.get(sql);
    if (found === undefined) prepared.set(sql, (found = db.prepare(sql)));
    return found;
  };
  const all = <Row>(sql: string, ...values: SQLInputValue[]): Row[] => statement(sql).all(...values) as Row[];
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the row's shape is the statement's, known to its caller
  const first = <Row>(sql: string, ...values: SQLInputValue[]): Row | undefined => statement(sql).get(...values) as Row | undefined;
  const change = (sql: string, ...values: SQLInputValue[]): number => Number(statement(sql).run(...values).changes);
  const sql = { all, first, change };
  /** All or nothing; inside another such work, a part of it that can fail alone. */
  const atomically = <Result>(work: () => Result): Result => {
    const [begin, commit, undo] = db.isTransaction ? ["SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part"] : ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"];
    db.exec(begin);
    try {
      const result = work();
      db.exec(commit);
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec(undo);
      throw error;
    }
  };
  const inboxOf = (runId: string): InboxRow[] => all("SELECT id, event FROM inbox WHERE run_id = ? AND consumed = 0 ORDER BY position", runId);
  const withInbox = (row: Omit<RunRow, "inbox">): RunRow => ({ ...row, inbox: inboxOf(row.run_id) });

  const get = (runId: string): RunRow | undefined => {
    const row = first<Omit<RunRow, "inbox">>(`SELECT ${COLUMNS} FROM runs WHERE run_id = ?`, runId);
    return row === undefined ? undefined : withInbox(row);
  };

  /** A run with an event can go on, the others mostly wait for a time or a job: it comes first and alone, so that it goes on before the others are read. */
  const dueRunsEventsFirst = (now: number, limit: number): { run_id: string }[] => {
    const withEvents = all<{ run_id: string }>(
      `SELECT DISTINCT inbox.run_id FROM inbox INDEXED BY inbox_waiting CROSS JOIN runs ON runs.run_id = inbox.run_id
       WHERE inbox.consumed = 0 AND claim_at <= ? LIMIT ?`,
      now, limit,
    );
    return withEvents.length > 0 ? withEvents : all("SELECT run_id FROM runs WHERE claim_at <= ? ORDER BY claim_at LIMIT ?", now, limit);
  };

  const dueRuns = ({ now, limit, run_id, queued_of }: { now: number; limit: number; run_id: string | null; queued_of: string | null }): { run_id: string }[] => {
    if (run_id !== null) return all("SELECT run_id FROM runs WHERE run_id = ? AND coalesce(lease_expires_at, 0) <= ?", run_id, now);
    if (queued_of === null) return dueRunsEventsFirst(now, limit);
    return all(
      `SELECT run_id FROM runs WHERE status = 'pending' AND attention_at IS NULL AND coalesce(user_email, '') = ? AND coalesce(lease_expires_at, 0) <= ?
       ORDER BY priority DESC, created_at LIMIT ?`,
      queued_of, now, limit,
    );
  };

  /** Columns that have an index are written only where they change; a status only together with the revision, see the trigger. */
  const writeState = (setStatus: string): string =>
    `UPDATE runs SET ${setStatus} revision = revision + 1, document = ?, snapshot = ?, machine = ?, outbox = ?, wake_at = ?
     WHERE run_id = ? AND revision = ? AND lease_token = ? AND status = ?`;
  const WRITE_STATE = writeState("");
  const WRITE_STATE_AND_STATUS = writeState("status = ?,");

  const commitOne = (commit: CommitRow): boolean => {
    const { run_id, attention_at } = commit;
    const state = [commit.document, commit.snapshot, commit.machine, commit.outbox, commit.wake_at, run_id, commit.revision, commit.token, commit.expected_status];
    const changed = commit.status === commit.expected_status ? change(WRITE_STATE, ...state) : change(WRITE_STATE_AND_STATUS, commit.status, ...state);
    if (changed === 0) return false;
    for (const id of commit.consumed) change("UPDATE inbox SET consumed = 1 WHERE run_id = ? AND id = ?", run_id, id);
    if (commit.history !== null) change("INSERT INTO history (run_id, entry) VALUES (?, ?)", run_id, commit.history);
    if (commit.outbox !== "[]") recordMails(sql, run_id, commit.outbox);
    if (attention_at === 0) change(`UPDATE runs SET attention_at = 0, outside_change = 0 WHERE run_id = ? AND (attention_at IS NOT 0 OR ${CHANGED_OUTSIDE})`, run_id);
    else change(`UPDATE runs SET attention_at = ${ATTENTION("?")}, outside_change = 0 WHERE run_id = ?`, attention_at, run_id);
    return true;
  };

  return {
    /** Does everything in one transaction, so that all of it waits for the disk once. What fails alone is undone alone. */
    together: <Result>(parts: readonly (() => Result)[]): ({ readonly value: Result } | { readonly problem: string })[] =>
      atomically(() =>
        parts.map((part) => {
          try {
            return { value: atomically(part) };
          } catch (thrown) {
            // Some errors, like a full disk, end the whole transaction.
            if (!db.isTransaction) throw thrown;
            return { problem: thrown instanceof Error ? thrown.message : String(thrown) };
          }
        }),
      ),

    insert: (row: InsertRow): boolean =>
      change(
        `INSERT INTO runs (run_id, revision, status, user_email, created_at, document, attention_at, lease_owner, lease_token, lease_expires_at)
         VALUES (?, 0, ?, ?, ?, ?, NULL, ?, ?, ?) ON CONFLICT (run_id) DO NOTHING`,
        row.run_id, row.status, row.user_email, row.created_at, row.document, row.lease_owner, row.lease_token, row.lease_expires_at,
      ) === 1,

    get,
    ...administrationOperations(sql, get),

    list: (filter: { status: string | null; user_email: string | null; text: string | null; limit: number; created_at: string | null; run_id: string | null }) => {
      const conditions: string[] = [];
      const values: SQLInputValue[] = [];
      const where = (condition: string, ...bound: SQLInputValue[]): void => {
        conditions.push(condition);
        values.push(...bound);
      };
      if (filter.status !== null) where("status = ?", filter.status);
      if (filter.user_email !== null) where("user_email = ?", filter.user_email);
      if (filter.text !== null) where("instr(lower(json_extract(document, '$.query')), lower(?)) > 0", filter.text);
      if (filter.created_at !== null) where("(created_at, run_id) < (?, ?)", filter.created_at, filter.run_id);
      const clause = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      return all<{ document: string; status: string }>(
        `SELECT document, status FROM runs ${clause} ORDER BY created_at DESC, run_id DESC LIMIT ?`, ...values, filter.limit,
      );
    },

    history: (runId: string): string[] => all<{ entry: string }>("SELECT entry FROM history WHERE run_id = ? ORDER BY rowid", runId).map(({ entry }) => entry),

    /** The run is read before its log, so that the log is never behind it. */
    changes: (since: readonly { readonly run_id: string; readonly revision: number }[]): ChangesRow[] =>
      since.flatMap(({ run_id, revision }) => {
        const row = first<Omit<ChangesRow, "history">>(
          `SELECT document, status, revision, EXISTS (SELECT 1 FROM inbox WHERE inbox.run_id = runs.run_id AND consumed = 0) AS has_events
           FROM runs WHERE run_id = ? AND revision > ?`,
          run_id, revision,
        );
        if (row === undefined) return [];
        const log = all<{ entry: string }>("SELECT entry FROM history WHERE run_id = ? AND json_extract(entry, '$[0].revision') > ? ORDER BY json_extract(entry, '$[0].revision')", run_id, revision);
        return [{ ...row, history: log.map(({ entry }) => entry) }];
      }),

    claim: (request: { owner: string; now: number; expires_at: number; limit: number; run_id: string | null; queued_of: string | null }): RunRow[] =>
      atomically(() => {
        const due = dueRuns(request);
        return due.flatMap(({ run_id }) => {
          change("UPDATE runs SET lease_owner = ?, lease_token = lease_token + 1, lease_expires_at = ? WHERE run_id = ?", request.owner, request.expires_at, run_id);
          const row = first<Omit<RunRow, "inbox">>(`SELECT ${COLUMNS} FROM runs WHERE run_id = ?`, run_id);
          return row === undefined ? [] : [withInbox(row)];
        });
      }),

    /** Users of the queue are found by skipping from one to the next in its index: the cost grows with users, not with runs. */
    loads: (now: number, countedQueue: number) =>
      all<{ user_key: string; active: number; queued: number; queued_since: string | null }>(
        `WITH RECURSIVE queue_user (user_key) AS (
           SELECT min(coalesce(user_email, '')) FROM runs WHERE status = 'pending'
           UNION ALL
           SELECT (SELECT min(coalesce(user_email, '')) FROM runs WHERE status = 'pending' AND coalesce(user_email, '') > user_key) FROM queue_user WHERE user_key IS NOT NULL
         ), load (user_key, active) AS (
           SELECT user_key, 0 FROM queue_user WHERE user_key IS NOT NULL
           UNION ALL SELECT coalesce(user_email, ''), 1 FROM runs WHERE status = 'running'
           UNION ALL SELECT coalesce(user_email, ''), 1 FROM runs WHERE lease_owner IS NOT NULL AND status = 'pending' AND lease_expires_at > ?1
           UNION ALL SELECT coalesce(user_email, ''), 1 FROM runs WHERE status = 'pending' AND attention_at > 0 AND coalesce(lease_expires_at, 0) <= ?1
         )
         SELECT user_key, sum(active) AS active,
           (SELECT count(*) FROM (SELECT 1 FROM runs WHERE status = 'pending' AND attention_at IS NULL AND coalesce(user_email, '') = user_key AND coalesce(lease_expires_at, 0) <= ?1 LIMIT ?2)) AS queued,
           (SELECT min(created_at) FROM runs WHERE status = 'pending' AND coalesce(user_email, '') = user_key) AS queued_since
         FROM load GROUP BY user_key`,
        now, countedQueue,
      ),

    counts: (now: number) => ({
      by_status: all<{ status: string; runs: number }>("SELECT status, count(*) AS runs FROM runs INDEXED BY runs_status GROUP BY status"),
      ...first<{ unhosted: number; with_events: number }>(
        `SELECT (SELECT count(*) FROM runs INDEXED BY runs_active WHERE status = 'running' AND coalesce(lease_expires_at, 0) <= ?) AS unhosted,
           (SELECT count(DISTINCT run_id) FROM inbox INDEXED BY inbox_waiting WHERE consumed = 0) AS with_events`,
        now,
      ),
    }),

    takeOver: (owner: string): void => {
      change("UPDATE runs SET lease_owner = NULL, lease_expires_at = NULL WHERE lease_owner = ?", owner);
    },

    renew: (owner: string, leases: readonly LeaseRef[], expiresAt: number): string[] =>
      atomically(() =>
        leases.flatMap(({ run_id, token }) =>
          change("UPDATE runs SET lease_expires_at = ? WHERE run_id = ? AND lease_owner = ? AND lease_token = ?", expiresAt, run_id, owner, token) === 1 ? [run_id] : [],
        ),
      ),

    release: (leases: readonly (LeaseRef & { readonly attention_at?: number | null })[]): void =>
      atomically(() => {
        for (const { run_id, token, attention_at } of leases) {
          const attention = attention_at === undefined ? "attention_at" : ATTENTION(`CASE WHEN ${CHANGED_OUTSIDE} THEN 0 ELSE ? END`);
          const values = attention_at === undefined ? [run_id, token] : [attention_at, run_id, token];
          change(`UPDATE runs SET lease_owner = NULL, lease_expires_at = NULL, attention_at = ${attention} WHERE run_id = ? AND lease_token = ?`, ...values);
        }
      }),

    /** For each commit: null when committed, what stands instead when it met another revision, token or status; undefined when unknown. */
    commit: (commits: readonly CommitRow[]) =>
      atomically(() =>
        commits.map((commit) =>
          commitOne(commit) ? null : first<{ revision: number; token: number; status: string }>("SELECT revision, lease_token AS token, status FROM runs WHERE run_id = ?", commit.run_id),
        ),
      ),

    deliver: (runId: string, id: string, event: string, now: number): "stored" | "duplicate" | "unknown_run" =>
      atomically(() => {
        if (first("SELECT 1 FROM runs WHERE run_id = ?", runId) === undefined) return "unknown_run";
        const stored = change(
          `INSERT INTO inbox (run_id, id, event, position, received_at) VALUES (?, ?, ?, (SELECT count(*) FROM inbox WHERE run_id = ?), ?) ON CONFLICT DO NOTHING`,
          runId, id, event, runId, now,
        );
        if (stored === 0) return "duplicate";
        change("UPDATE runs SET attention_at = 0 WHERE run_id = ? AND attention_at IS NOT 0", runId);
        return "stored";
      }),

    pending: (owner: string) => {
      const events = all<{ run_id: string; id: string; event: string; status: string }>(
        `SELECT runs.run_id, inbox.id, inbox.event, runs.status FROM inbox INDEXED BY inbox_waiting CROSS JOIN runs ON runs.run_id = inbox.run_id
         WHERE inbox.consumed = 0 AND lease_owner = ? ORDER BY inbox.run_id, inbox.position`, owner,
      );
      const cancelled = all<{ run_id: string; status: string }>(`SELECT run_id, status FROM runs WHERE lease_owner = ? AND status = 'cancelled' AND ${CHANGED_OUTSIDE}`, owner);
      return { events, cancelled };
    },

    journalPut: (runId: string, key: string, value: string): string => {
      change("INSERT INTO journal (run_id, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", runId, key, value);
      const stands = first<{ value: string }>("SELECT value FROM journal WHERE run_id = ? AND key = ?", runId, key);
      return stands?.value ?? value;
    },
    journalGet: (runId: string, key: string): string | undefined =>
      first<{ value: string }>("SELECT value FROM journal WHERE run_id = ? AND key = ?", runId, key)?.value,

    close: (): void => db.close(),
  };
}
