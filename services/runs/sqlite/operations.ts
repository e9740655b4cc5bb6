import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { administrationOperations, recordMails } from "./administration.ts";
import { leaseOperations } from "./leases.ts";
import { prepareSchema } from "./schema.ts";
import { ATTENTION, CHANGED_OUTSIDE, sqlOf } from "./statements.ts";

/**
 * The statements behind the SQLite store. Synchronous: they run in the store's own thread, never on
 * the event loop.
 */

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

const COLUMNS =
  "run_id, revision, status, document, snapshot, machine, outbox, wake_at, lease_owner, lease_token, lease_expires_at, priority";

export type SqliteOperations = ReturnType<typeof openSqliteOperations>;

export function openSqliteOperations(file: string) {
  const db = new DatabaseSync(file);
  prepareSchema(db);
  const sql = sqlOf(db);
  const { all, first, change, atomically } = sql;

  const get = (runId: string): RunRow | undefined => {
    const row = first<Omit<RunRow, "inbox">>(`SELECT ${COLUMNS} FROM runs WHERE run_id = ?`, runId);
    return (
      row && {
        ...row,
        inbox: all<InboxRow>(
          "SELECT id, event FROM inbox WHERE run_id = ? AND consumed = 0 ORDER BY position",
          runId,
        ),
      }
    );
  };

  /**
   * Columns that have an index are written only where they change; a status only together with the
   * revision, see the trigger.
   */
  const writeState = (setStatus: string): string =>
    `UPDATE runs SET ${setStatus} revision = revision + 1, document = ?, snapshot = ?, machine = ?, outbox = ?, wake_at = ?
     WHERE run_id = ? AND revision = ? AND lease_token = ? AND status = ?`;
  const WRITE_STATE = writeState("");
  const WRITE_STATE_AND_STATUS = writeState("status = ?,");

  const commitOne = (commit: CommitRow): boolean => {
    const { run_id, attention_at } = commit;
    const state = [
      commit.document,
      commit.snapshot,
      commit.machine,
      commit.outbox,
      commit.wake_at,
      run_id,
      commit.revision,
      commit.token,
      commit.expected_status,
    ];
    const changed =
      commit.status === commit.expected_status
        ? change(WRITE_STATE, ...state)
        : change(WRITE_STATE_AND_STATUS, commit.status, ...state);
    if (changed === 0) return false;
    for (const id of commit.consumed)
      change("UPDATE inbox SET consumed = 1 WHERE run_id = ? AND id = ?", run_id, id);
    if (commit.history !== null)
      change("INSERT INTO history (run_id, entry) VALUES (?, ?)", run_id, commit.history);
    if (commit.outbox !== "[]") recordMails(sql, run_id, commit.outbox);
    if (attention_at === 0)
      change(
        `UPDATE runs SET attention_at = 0, outside_change = 0 WHERE run_id = ? AND (attention_at IS NOT 0 OR ${CHANGED_OUTSIDE})`,
        run_id,
      );
    else
      change(
        `UPDATE runs SET attention_at = ${ATTENTION("?")}, outside_change = 0 WHERE run_id = ?`,
        attention_at,
        run_id,
      );
    return true;
  };

  return {
    /**
     * Does everything in one transaction, so that all of it waits for the disk once. What fails
     * alone is undone alone.
     */
    together: <Result>(
      parts: readonly (() => Result)[],
    ): ({ readonly value: Result } | { readonly problem: string })[] =>
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
        row.run_id,
        row.status,
        row.user_email,
        row.created_at,
        row.document,
        row.lease_owner,
        row.lease_token,
        row.lease_expires_at,
      ) === 1,

    get,
    ...administrationOperations(sql, get),
    ...leaseOperations(sql, get),

    list: (filter: {
      status: string | null;
      user_email: string | null;
      text: string | null;
      limit: number;
      created_at: string | null;
      run_id: string | null;
    }) => {
      const conditions: string[] = [];
      const values: SQLInputValue[] = [];
      const where = (condition: string, ...bound: SQLInputValue[]): void => {
        conditions.push(condition);
        values.push(...bound);
      };
      if (filter.status !== null) where("status = ?", filter.status);
      if (filter.user_email !== null) where("user_email = ?", filter.user_email);
      if (filter.text !== null)
        where("instr(lower(json_extract(document, '$.query')), lower(?)) > 0", filter.text);
      if (filter.created_at !== null)
        where("(created_at, run_id) < (?, ?)", filter.created_at, filter.run_id);
      const clause = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      return all<{ document: string; status: string }>(
        `SELECT document, status FROM runs ${clause} ORDER BY created_at DESC, run_id DESC LIMIT ?`,
        ...values,
        filter.limit,
      );
    },

    history: (runId: string): string[] =>
      all<{ entry: string }>(
        "SELECT entry FROM history WHERE run_id = ? ORDER BY rowid",
        runId,
      ).map(({ entry }) => entry),

    /** The run is read before its log, so that the log is never behind it. */
    changes: (
      since: readonly { readonly run_id: string; readonly revision: number }[],
    ): ChangesRow[] =>
      since.flatMap(({ run_id, revision }) => {
        const row = first<Omit<ChangesRow, "history">>(
          `SELECT document, status, revision, EXISTS (SELECT 1 FROM inbox WHERE inbox.run_id = runs.run_id AND consumed = 0) AS has_events
           FROM runs WHERE run_id = ? AND revision > ?`,
          run_id,
          revision,
        );
        if (row === undefined) return [];
        const log = all<{ entry: string }>(
          "SELECT entry FROM history WHERE run_id = ? AND json_extract(entry, '$[0].revision') > ? ORDER BY json_extract(entry, '$[0].revision')",
          run_id,
          revision,
        );
        return [{ ...row, history: log.map(({ entry }) => entry) }];
      }),

    counts: (now: number) => ({
      by_status: all<{ status: string; runs: number }>(
        "SELECT status, count(*) AS runs FROM runs INDEXED BY runs_status GROUP BY status",
      ),
      ...first<{ unhosted: number; with_events: number }>(
        `SELECT (SELECT count(*) FROM runs INDEXED BY runs_active WHERE status = 'running' AND coalesce(lease_expires_at, 0) <= ?) AS unhosted,
           (SELECT count(DISTINCT run_id) FROM inbox INDEXED BY inbox_waiting WHERE consumed = 0) AS with_events`,
        now,
      ),
    }),

    /**
     * For each commit: null when committed, what stands instead when it met another revision, token
     * or status; undefined when unknown.
     */
    commit: (commits: readonly CommitRow[]) =>
      atomically(() =>
        commits.map((commit) =>
          commitOne(commit)
            ? null
            : first<{ revision: number; token: number; status: string }>(
                "SELECT revision, lease_token AS token, status FROM runs WHERE run_id = ?",
                commit.run_id,
              ),
        ),
      ),

    deliver: (
      runId: string,
      id: string,
      event: string,
      now: number,
    ): "stored" | "duplicate" | "unknown_run" =>
      atomically(() => {
        if (first("SELECT 1 FROM runs WHERE run_id = ?", runId) === undefined) return "unknown_run";
        const stored = change(
          `INSERT INTO inbox (run_id, id, event, position, received_at) VALUES (?, ?, ?, (SELECT count(*) FROM inbox WHERE run_id = ?), ?) ON CONFLICT DO NOTHING`,
          runId,
          id,
          event,
          runId,
          now,
        );
        if (stored === 0) return "duplicate";
        change(
          "UPDATE runs SET attention_at = 0 WHERE run_id = ? AND attention_at IS NOT 0",
          runId,
        );
        return "stored";
      }),

    pending: (owner: string) => {
      const events = all<{ run_id: string; id: string; event: string; status: string }>(
        `SELECT runs.run_id, inbox.id, inbox.event, runs.status FROM inbox INDEXED BY inbox_waiting CROSS JOIN runs ON runs.run_id = inbox.run_id
         WHERE inbox.consumed = 0 AND lease_owner = ? ORDER BY inbox.run_id, inbox.position`,
        owner,
      );
      const cancelled = all<{ run_id: string; status: string }>(
        `SELECT run_id, status FROM runs WHERE lease_owner = ? AND status = 'cancelled' AND ${CHANGED_OUTSIDE}`,
        owner,
      );
      return { events, cancelled };
    },

    journalPut: (runId: string, key: string, value: string): string => {
      change(
        "INSERT INTO journal (run_id, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        runId,
        key,
        value,
      );
      const stands = first<{ value: string }>(
        "SELECT value FROM journal WHERE run_id = ? AND key = ?",
        runId,
        key,
      );
      return stands?.value ?? value;
    },
    journalGet: (runId: string, key: string): string | undefined =>
      first<{ value: string }>("SELECT value FROM journal WHERE run_id = ? AND key = ?", runId, key)
        ?.value,

    close: (): void => db.close(),
  };
}
