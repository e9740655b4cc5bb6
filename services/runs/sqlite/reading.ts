import type { SQLInputValue } from "node:sqlite";
import type { ChangesRow, DocumentRow, InboxRow, RunRow } from "./rows.ts";
import { fieldOf, type Sql } from "./statements.ts";

/** The statements that read runs: one, a list, what is new, how many. */

/** No text that begins as another is beyond it with this behind. */
const LAST = "\u{10ffff}";

type LeaseColumn = "lease_owner" | "lease_token" | "lease_expires_at";

const SHOWN = "run_id, user_email, created_at, status, document, revision, set_aside";
const COLUMNS = `${SHOWN}, snapshot, machine, outbox, wake_at, lease_owner, lease_token, lease_expires_at, priority, take_ups`;

export function readingOperations({ all, first }: Sql) {
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

  return {
    get,

    list: (filter: {
      status: string | null;
      user_email: string | null;
      /** A JSON array. */
      run_ids: string | null;
      text: string | null;
      id: string | null;
      labels: readonly (readonly [key: string, value: string])[];
      failed_with: string | null;
      created_from: string | null;
      created_until: string | null;
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
      if (filter.run_ids !== null)
        where("run_id IN (SELECT value FROM json_each(?))", filter.run_ids);
      if (filter.text !== null)
        where(
          `instr(lower(coalesce(${fieldOf("query")}, '') || char(10) || coalesce(${fieldOf("name")}, '')), lower(?)) > 0`,
          filter.text,
        );
      if (filter.id !== null) where("run_id >= ? AND run_id < ?", filter.id, `${filter.id}${LAST}`);
      for (const [key, value] of filter.labels)
        where(
          "CASE WHEN json_valid(document) THEN EXISTS (SELECT 1 FROM json_each(document, '$.labels') WHERE key = ? AND value = ?) ELSE 0 END",
          key,
          value,
        );
      if (filter.failed_with !== null)
        where(`status = 'failed' AND ${fieldOf("error.code")} = ?`, filter.failed_with);
      if (filter.created_from !== null) where("created_at >= ?", filter.created_from);
      if (filter.created_until !== null) where("created_at < ?", filter.created_until);
      if (filter.created_at !== null)
        where(
          "(created_at, run_id) < (coalesce((SELECT last.created_at FROM runs AS last WHERE last.run_id = ?), ?), ?)",
          filter.run_id,
          filter.created_at,
          filter.run_id,
        );
      const clause = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      return all<DocumentRow>(
        `SELECT ${SHOWN} FROM runs ${clause} ORDER BY created_at DESC, run_id DESC LIMIT ?`,
        ...values,
        filter.limit,
      );
    },

    standings: (runIds: readonly string[]) =>
      runIds.flatMap((runId) => {
        const row = first<Pick<RunRow, "run_id" | "wake_at" | LeaseColumn>>(
          "SELECT run_id, wake_at, lease_owner, lease_token, lease_expires_at FROM runs WHERE run_id = ?",
          runId,
        );
        return row === undefined ? [] : [row];
      }),

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
          `SELECT ${SHOWN}, EXISTS (SELECT 1 FROM inbox WHERE inbox.run_id = runs.run_id AND consumed = 0) AS has_events
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

    usedBy: (userEmail: string | null, since: string) =>
      first<{ queued: number; gpu_cost_usd: number; gpu_reserved_usd: number }>(
        `SELECT (SELECT count(*) FROM runs INDEXED BY runs_queue WHERE status = 'pending' AND coalesce(user_email, '') = ?1) AS queued,
           total(${fieldOf("usage.gpu_cost_usd")}) AS gpu_cost_usd,
           total(iif(status = 'running', ${fieldOf("usage.gpu_reserved_usd")}, 0)) AS gpu_reserved_usd
         FROM runs INDEXED BY runs_user WHERE user_email IS ?2 AND created_at >= ?3`,
        userEmail ?? "",
        userEmail,
        since,
      ),

    counts: (now: number) => ({
      by_status: all<{ status: string; runs: number }>(
        "SELECT status, count(*) AS runs FROM runs INDEXED BY runs_status GROUP BY status",
      ),
      ...first<{ unhosted: number; with_events: number; set_aside: number }>(
        `SELECT (SELECT count(*) FROM runs INDEXED BY runs_active WHERE status = 'running' AND coalesce(lease_expires_at, 0) <= ?) AS unhosted,
           (SELECT count(DISTINCT run_id) FROM inbox INDEXED BY inbox_waiting WHERE consumed = 0) AS with_events,
           (SELECT count(*) FROM runs INDEXED BY runs_aside WHERE set_aside IS NOT NULL) AS set_aside`,
        now,
      ),
    }),
  };
}
