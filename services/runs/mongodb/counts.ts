import type { Collection, Filter } from "mongodb";
import { RUN_STATUSES, type RunStatus } from "../document.ts";
import type { RunCounts, UserUse } from "../index.ts";
import { IS_ASIDE } from "./aside.ts";
import { HAS_EVENTS } from "./claim.ts";
import { LIMITED, type StoredRun } from "./record.ts";

/** Counted in the indexes. */
export async function countRuns(runs: Collection<StoredRun>, now: number): Promise<RunCounts> {
  const count = (filter: Filter<StoredRun>): Promise<number> =>
    runs.countDocuments(filter, LIMITED);
  const byStatus = Promise.all(
    RUN_STATUSES.map(async (status) => [status, await count({ status })] as const),
  );
  const [counted, unhosted, with_events, set_aside] = await Promise.all([
    byStatus,
    count({ status: "running", "lease.expires_at": { $lte: now } }),
    count(HAS_EVENTS),
    count(IS_ASIDE),
  ]);
  return {
    by_status: Object.fromEntries(counted) as Record<RunStatus, number>,
    unhosted,
    with_events,
    set_aside,
  };
}

export async function usedBy(
  runs: Collection<StoredRun>,
  userEmail: string | null,
  since: string,
): Promise<UserUse> {
  const [queued, costs] = await Promise.all([
    runs.countDocuments({ status: "pending", user_email: userEmail }, LIMITED),
    runs
      .find({ user_email: userEmail, created_at: { $gte: since } }, LIMITED)
      .project<{
        status?: unknown;
        usage?: { gpu_cost_usd?: unknown; gpu_reserved_usd?: unknown };
      }>({ _id: 0, status: 1, "usage.gpu_cost_usd": 1, "usage.gpu_reserved_usd": 1 })
      .toArray(),
  ]);
  // Other programs write these documents, too.
  const costOf = (cost: unknown): number => (typeof cost === "number" ? cost : 0);
  return {
    queued,
    gpu_cost_usd: costs.reduce((total, { usage }) => total + costOf(usage?.gpu_cost_usd), 0),
    gpu_reserved_usd: costs
      .filter(({ status }) => status === "running")
      .reduce((total, { usage }) => total + costOf(usage?.gpu_reserved_usd), 0),
  };
}
