import type { EndedRun } from "../index.ts";
import { fieldOf, type Sql } from "./statements.ts";

/** The statements that take runs out of the store. */

/** It has ended and asks for nothing; `?` is now. */
/** Nobody takes the events of a run that is set aside. */
const AT_REST = `status IN ('completed', 'failed', 'cancelled') AND attention_at IS NULL
  AND coalesce(lease_expires_at, 0) <= ?
  AND (set_aside IS NOT NULL OR NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.run_id = runs.run_id AND consumed = 0))`;

const OF_A_RUN = ["inbox", "history", "mails", "journal", "runs"] as const;

export const removalOperations = ({ all, first, change, atomically }: Sql) => ({
  ended: (request: {
    ended_before: string;
    unpruned: boolean;
    limit: number;
    created_at: string;
    run_id: string;
  }): EndedRun[] =>
    all<EndedRun>(
      `SELECT run_id, user_email, status, created_at FROM runs
       WHERE status IN ('completed', 'failed', 'cancelled') AND (created_at, run_id) > (?, ?) AND created_at < ?
         AND coalesce(${fieldOf("completed_at")}, ${fieldOf("updated_at")}, created_at) < ?
         AND NOT (? AND (${fieldOf("pruned_at")}) IS NOT NULL)
       ORDER BY created_at, run_id LIMIT ?`,
      request.created_at,
      request.run_id,
      request.ended_before,
      request.ended_before,
      request.unpruned ? 1 : 0,
      request.limit,
    ),

  removeRun: (runId: string, keepsResults: boolean, now: number, at: string) =>
    atomically(() => {
      if (first("SELECT 1 FROM runs WHERE run_id = ?", runId) === undefined) return "unknown_run";
      if (first(`SELECT 1 FROM runs WHERE run_id = ? AND ${AT_REST}`, runId, now) === undefined)
        return "busy";
      change(
        "INSERT INTO removals (run_id, keeps_results) VALUES (?, ?) ON CONFLICT DO UPDATE SET keeps_results = excluded.keeps_results",
        runId,
        keepsResults ? 1 : 0,
      );
      if (keepsResults) {
        change("DELETE FROM journal WHERE run_id = ?", runId);
        change(
          "UPDATE runs SET document = json_set(document, '$.pruned_at', ?) WHERE run_id = ?",
          at,
          runId,
        );
      } else for (const table of OF_A_RUN) change(`DELETE FROM ${table} WHERE run_id = ?`, runId);
      return "removed";
    }),

  leftovers: (limit: number) =>
    all<{ run_id: string; keeps_results: number }>(
      "SELECT run_id, keeps_results FROM removals ORDER BY run_id LIMIT ?",
      limit,
    ),

  cleared: (runId: string): void => {
    change("DELETE FROM removals WHERE run_id = ?", runId);
  },
});
