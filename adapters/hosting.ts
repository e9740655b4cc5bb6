import { randomUUID } from "node:crypto";
import type { AdmissionLimits } from "../actors/supervisor/admission.ts";
import type { Config } from "../config.ts";
import { lockSqliteRuns } from "../services/runs/sqlite/lock.ts";
import { sqliteFile } from "./runs.ts";

/**
 * The name under which this process leases runs, and whether an earlier process of that name is
 * known to be gone.
 */
export function leaseAs(
  config: Config,
  sweeps: boolean,
): { readonly owner: string; readonly takesOver: boolean; unlock(): void } {
  const anonymous = {
    owner: `${process.pid}-${randomUUID()}`,
    takesOver: false,
    unlock: () => undefined,
  };
  if (!sweeps) return anonymous;
  if (config.MONGODB_URI === undefined)
    return { owner: "daemon", takesOver: true, unlock: lockSqliteRuns(sqliteFile(config)) };
  return config.DAEMON_ID === undefined
    ? anonymous
    : { owner: config.DAEMON_ID, takesOver: true, unlock: () => undefined };
}

/**
 * A run has a job at a time: as many are admitted as there may be jobs. One that asks for two waits
 * with the second for its place.
 */
export const admissionLimits = (config: Config): AdmissionLimits => ({
  maxActive: Math.min(config.MAX_ACTIVE_RUNS, config.MAX_GPU_JOBS ?? Number.POSITIVE_INFINITY),
  maxActivePerUser: Math.min(
    config.MAX_ACTIVE_RUNS_PER_USER,
    config.MAX_GPU_JOBS_PER_USER ?? Number.POSITIVE_INFINITY,
  ),
});
