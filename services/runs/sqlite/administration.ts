import type { RunRow } from "./rows.ts";
import type { Sql } from "./statements.ts";

/** The statements behind what operators see and set. */

export type StuckRow = RunRow & { readonly event_since: number | null };

/** Mails by state, beside the outbox of their run: most commits have none. */
export function recordMails({ change }: Sql, runId: string, outbox: string): void {
  for (const { key, state } of JSON.parse(outbox) as { key: string; state: string }[]) {
    change(
      "INSERT INTO mails (run_id, key, state) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state WHERE state <> excluded.state",
      runId,
      key,
      state,
    );
  }
}

export const administrationOperations = (
  { all, first, change }: Sql,
  get: (runId: string) => RunRow | undefined,
) => ({
  setPriority: (runId: string, priority: number): boolean =>
    change("UPDATE runs SET priority = ? WHERE run_id = ?", priority, runId) === 1,

  stuck: (before: number, limit: number): StuckRow[] =>
    all<{ run_id: string }>(
      `SELECT run_id FROM (SELECT run_id FROM runs WHERE claim_at <= ?1 ORDER BY claim_at LIMIT ?2)
       UNION SELECT run_id FROM (
         SELECT run_id FROM runs INDEXED BY runs_claim
         WHERE claim_at > ?1 AND status = 'cancelled' ORDER BY claim_at LIMIT ?2
       )
       UNION SELECT run_id FROM inbox INDEXED BY inbox_waiting WHERE consumed = 0 AND received_at <= ?1
       UNION SELECT run_id FROM mails WHERE state = 'rejected'
       UNION SELECT run_id FROM runs INDEXED BY runs_aside WHERE set_aside IS NOT NULL
       LIMIT ?2`,
      before,
      limit,
    ).flatMap(({ run_id }) => {
      const row = get(run_id);
      const waiting = first<{ since: number | null }>(
        "SELECT min(received_at) AS since FROM inbox WHERE run_id = ? AND consumed = 0",
        run_id,
      );
      return row === undefined ? [] : [{ ...row, event_since: waiting?.since ?? null }];
    }),

  outboxesWith: (state: string, limit: number) =>
    all<{ run_id: string; outbox: string }>(
      "SELECT run_id, outbox FROM runs WHERE run_id IN (SELECT run_id FROM mails WHERE state = ? LIMIT ?)",
      state,
      limit,
    ),
});
