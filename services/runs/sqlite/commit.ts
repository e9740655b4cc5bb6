import { recordMails } from "./administration.ts";
import type { CommitRow } from "./rows.ts";
import { ATTENTION, CHANGED_OUTSIDE, type Sql } from "./statements.ts";

/** The one durable write of a transition, by compare-and-set (D1, D3). */

export function commitOperations(sql: Sql) {
  const { first, change, atomically } = sql;

  /**
   * Columns that have an index are written only where they change; a status only together with the
   * revision, see the trigger.
   */
  const writeState = (setStatus: string): string =>
    `UPDATE runs SET ${setStatus} revision = revision + 1, document = ?, snapshot = ?, machine = ?, outbox = ?, wake_at = ?, taking_up = 0, take_ups = 0
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
  };
}
