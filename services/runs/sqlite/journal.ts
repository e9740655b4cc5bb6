import type { Sql } from "./statements.ts";

/** The statements behind the journal of costly results (D7). */

export const journalOperations = ({ all, first, change }: Sql) => ({
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
  journal: (runId: string): { readonly key: string; readonly value: string }[] =>
    all("SELECT key, value FROM journal WHERE run_id = ? ORDER BY key", runId),
});
