import type { RunRow } from "./rows.ts";
import { ATTENTION, CHANGED_OUTSIDE, LEFT, type Sql } from "./statements.ts";

/** The statements behind who hosts which run (D9). */

export interface LeaseRef {
  readonly run_id: string;
  readonly token: number;
}

export interface DueRequest {
  readonly now: number;
  readonly limit: number;
  readonly run_id: string | null;
  readonly queued_of: string | null;
  readonly suspects: boolean | null;
}

/** Take-ups of a run that came to nothing: none, some, or either. */
const takeUps = (suspects: boolean | null): string =>
  suspects === null ? "" : suspects ? "AND take_ups > 0" : "AND take_ups = 0";

export function leaseOperations(
  { all, change, atomically }: Sql,
  get: (runId: string) => RunRow | undefined,
) {
  /**
   * A run with an event can go on, the others mostly wait for a time or a job: it comes first and
   * alone, so that it goes on before the others are read.
   */
  const dueRunsEventsFirst = ({ now, limit, suspects }: DueRequest): { run_id: string }[] => {
    const withEvents = all<{ run_id: string }>(
      `SELECT DISTINCT inbox.run_id FROM inbox INDEXED BY inbox_waiting CROSS JOIN runs ON runs.run_id = inbox.run_id
       WHERE inbox.consumed = 0 AND claim_at <= ? AND set_aside IS NULL ${takeUps(suspects)} LIMIT ?`,
      now,
      limit,
    );
    return withEvents.length > 0
      ? withEvents
      : all(
          `SELECT run_id FROM runs WHERE claim_at <= ? AND set_aside IS NULL ${takeUps(suspects)} ORDER BY ${suspects === true ? "take_ups, " : ""}claim_at LIMIT ?`,
          now,
          limit,
        );
  };

  const dueRuns = (request: DueRequest): { run_id: string }[] => {
    const { now, limit, run_id, queued_of, suspects } = request;
    if (run_id !== null)
      return all(
        "SELECT run_id FROM runs WHERE run_id = ? AND set_aside IS NULL AND coalesce(lease_expires_at, 0) <= ?",
        run_id,
        now,
      );
    if (queued_of === null) return dueRunsEventsFirst(request);
    return all(
      `SELECT run_id FROM runs WHERE status = 'pending' AND attention_at IS NULL AND set_aside IS NULL ${takeUps(suspects)} AND coalesce(user_email, '') = ? AND coalesce(lease_expires_at, 0) <= ?
       ORDER BY priority DESC, created_at LIMIT ?`,
      queued_of,
      now,
      limit,
    );
  };

  return {
    claim: (
      request: DueRequest & { readonly owner: string; readonly expires_at: number },
    ): RunRow[] =>
      atomically(() => {
        const due = dueRuns(request);
        return due.flatMap(({ run_id }) => {
          change(
            "UPDATE runs SET lease_owner = ?, lease_token = lease_token + 1, lease_expires_at = ?, take_ups = take_ups + (taking_up = 1 AND lease_owner <> ?), taking_up = 1 WHERE run_id = ?",
            request.owner,
            request.expires_at,
            request.owner,
            run_id,
          );
          const row = get(run_id);
          return row === undefined ? [] : [row];
        });
      }),

    /** Those, and those that ask for attention beyond a time that no run of ours waits for. */
    left: (now: number, far: number, limit: number): RunRow[] =>
      all<{ run_id: string }>(
        `SELECT run_id FROM runs INDEXED BY runs_left WHERE ${LEFT} AND coalesce(lease_expires_at, 0) <= ?1
         UNION SELECT run_id FROM runs INDEXED BY runs_claim WHERE claim_at > ?2 AND set_aside IS NULL LIMIT ?3`,
        now,
        far,
        limit,
      ).flatMap(({ run_id }) => get(run_id) ?? []),

    /**
     * Users of the queue are found by skipping from one to the next in its index: the cost grows
     * with users, not with runs.
     */
    loads: (now: number, countedQueue: number) =>
      all<{ user_key: string; active: number; queued: number; queued_since: string | null }>(
        `WITH RECURSIVE queue_user (user_key) AS (
           SELECT min(coalesce(user_email, '')) FROM runs WHERE status = 'pending'
           UNION ALL
           SELECT (
             SELECT min(coalesce(user_email, '')) FROM runs
             WHERE status = 'pending' AND coalesce(user_email, '') > user_key
           ) FROM queue_user WHERE user_key IS NOT NULL
         ), load (user_key, active) AS (
           SELECT user_key, 0 FROM queue_user WHERE user_key IS NOT NULL
           UNION ALL SELECT coalesce(user_email, ''), 1 FROM runs
             WHERE status = 'running' AND set_aside IS NULL
           UNION ALL SELECT coalesce(user_email, ''), 1 FROM runs
             WHERE lease_owner IS NOT NULL AND status = 'pending' AND lease_expires_at > ?1
           UNION ALL SELECT coalesce(user_email, ''), 1 FROM runs
             WHERE status = 'pending' AND attention_at > 0 AND coalesce(lease_expires_at, 0) <= ?1
         )
         SELECT user_key, sum(active) AS active,
           (SELECT count(*) FROM (
             SELECT 1 FROM runs
             WHERE status = 'pending' AND attention_at IS NULL
               AND coalesce(user_email, '') = user_key AND coalesce(lease_expires_at, 0) <= ?1
             LIMIT ?2
           )) AS queued,
           (
             SELECT created_at FROM runs
             WHERE status = 'pending' AND attention_at IS NULL
               AND coalesce(user_email, '') = user_key AND coalesce(lease_expires_at, 0) <= ?1
             ORDER BY created_at LIMIT 1
           ) AS queued_since
         FROM load GROUP BY user_key`,
        now,
        countedQueue,
      ),

    takeOver: (owner: string): void => {
      change(
        "UPDATE runs SET lease_owner = NULL, lease_expires_at = NULL, take_ups = take_ups + taking_up, taking_up = 0 WHERE lease_owner = ?",
        owner,
      );
    },

    renew: (owner: string, leases: readonly LeaseRef[], expiresAt: number): string[] =>
      atomically(() =>
        leases.flatMap(({ run_id, token }) =>
          change(
            "UPDATE runs SET lease_expires_at = ?, taking_up = 0, take_ups = 0 WHERE run_id = ? AND lease_owner = ? AND lease_token = ?",
            expiresAt,
            run_id,
            owner,
            token,
          ) === 1
            ? [run_id]
            : [],
        ),
      ),

    release: (leases: readonly (LeaseRef & { readonly attention_at?: number | null })[]): void =>
      atomically(() => {
        for (const { run_id, token, attention_at } of leases) {
          const attention =
            attention_at === undefined
              ? "attention_at"
              : ATTENTION(`CASE WHEN ${CHANGED_OUTSIDE} THEN 0 ELSE ? END`);
          const values =
            attention_at === undefined ? [run_id, token] : [attention_at, run_id, token];
          change(
            `UPDATE runs SET lease_owner = NULL, lease_expires_at = NULL, taking_up = 0, take_ups = 0, attention_at = ${attention} WHERE run_id = ? AND lease_token = ?`,
            ...values,
          );
        }
      }),
  };
}
