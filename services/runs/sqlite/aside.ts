import { recordMails } from "./administration.ts";
import type { RunRow, TakenInRow } from "./rows.ts";
import type { Sql } from "./statements.ts";

/** The statements behind what is set aside, and what other programs inserted. */
export const asideOperations = (sql: Sql, get: (runId: string) => RunRow | undefined) => {
  const { all, change, atomically } = sql;
  return {
    /** A new revision, so that a host is fenced off and watchers look again. */
    setAside: (runId: string, token: number | null, why: string): boolean =>
      change(
        `UPDATE runs SET set_aside = json_set(?1, '$.was', status), revision = revision + 1,
           status = CASE WHEN status IN ('completed', 'failed', 'cancelled') THEN status ELSE 'failed' END,
           attention_at = NULL, lease_owner = NULL, lease_expires_at = NULL,
           lease_token = lease_token + 1, taking_up = 0, take_ups = 0
         WHERE run_id = ?2 AND set_aside IS NULL AND (?3 IS NULL OR lease_token = ?3)`,
        why,
        runId,
        token,
      ) === 1,

    /** One that had not begun is in the queue again. */
    unsetAside: (runId: string): boolean =>
      change(
        `UPDATE runs SET set_aside = NULL, revision = revision + 1,
           status = CASE WHEN status = 'failed' THEN json_extract(set_aside, '$.was') ELSE status END,
           attention_at = CASE
             WHEN status = 'failed' AND json_extract(set_aside, '$.was') = 'pending' THEN NULL ELSE 0
           END
         WHERE run_id = ? AND set_aside IS NOT NULL`,
        runId,
      ) === 1,

    cancelAside: (runId: string): boolean =>
      change(
        "UPDATE runs SET status = 'cancelled', revision = revision + 1 WHERE run_id = ? AND set_aside IS NOT NULL AND status <> 'completed'",
        runId,
      ) === 1,

    setAsides: (limit: number): RunRow[] =>
      all<{ run_id: string }>(
        "SELECT run_id FROM runs INDEXED BY runs_aside WHERE set_aside IS NOT NULL ORDER BY created_at DESC LIMIT ?",
        limit,
      ).flatMap(({ run_id }) => get(run_id) ?? []),

    raw: (runId: string) => {
      const [run] = all<Record<string, unknown>>("SELECT * FROM runs WHERE run_id = ?", runId);
      return run === undefined
        ? undefined
        : {
            run,
            inbox: all("SELECT * FROM inbox WHERE run_id = ? ORDER BY position", runId),
            history: all("SELECT entry FROM history WHERE run_id = ? ORDER BY rowid", runId),
            journal: all("SELECT key, value FROM journal WHERE run_id = ?", runId),
          };
    },

    /** The next claim looks at them. */
    wake: (runIds: readonly string[]): void =>
      atomically(() => {
        for (const runId of runIds)
          change(
            `UPDATE runs SET attention_at = 0, lease_owner = NULL, lease_expires_at = NULL, lease_token = lease_token + 1
             WHERE run_id = ? AND set_aside IS NULL`,
            runId,
          );
      }),

    takeIn: (rows: readonly TakenInRow[]): void =>
      atomically(() => {
        for (const { run_id, status, document, outbox, attention_at, history } of rows) {
          const changed = change(
            `UPDATE runs SET document = ?, status = ?, outbox = ?, attention_at = ?, revision = revision + (status <> ?)
             WHERE run_id = ? AND revision = 0 AND snapshot IS NULL AND set_aside IS NULL`,
            document,
            status,
            outbox,
            attention_at,
            status,
            run_id,
          );
          if (changed === 0) continue;
          if (history !== null)
            change("INSERT INTO history (run_id, entry) VALUES (?, ?)", run_id, history);
          if (outbox !== "[]") recordMails(sql, run_id, outbox);
        }
      }),
  };
};
