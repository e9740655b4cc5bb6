import { CHANGED_OUTSIDE, type Sql } from "./statements.ts";

/** The statements behind the inbox (D5). */

export const inboxOperations = ({ all, first, change, atomically }: Sql) => ({
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
        "UPDATE runs SET attention_at = 0 WHERE run_id = ? AND attention_at IS NOT 0 AND set_aside IS NULL",
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
      `SELECT run_id, status FROM runs WHERE lease_owner = ? AND status = 'cancelled' AND set_aside IS NULL AND ${CHANGED_OUTSIDE}`,
      owner,
    );
    return { events, cancelled };
  },
});
