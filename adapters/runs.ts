import { join } from "node:path";
import type { Config } from "../config.ts";
import type { RunStore } from "../services/runs/index.ts";
import { openSqliteRuns } from "../services/runs/sqlite/store.ts";

export const sqliteFile = (config: Config): { readonly file: string } => ({
  file: join(config.dataDir, "runs.sqlite"),
});

export async function openRuns(config: Config): Promise<RunStore> {
  if (config.MONGODB_URI === undefined) return openSqliteRuns(sqliteFile(config));
  const { openMongoRuns } = await import("../services/runs/mongodb/store.ts");
  return openMongoRuns({ uri: config.MONGODB_URI, database: config.MONGODB_DATABASE });
}

/**
 * Whether a daemon is there that hosts queued runs. Those that share a MongoDB leave no sign there
 * while they host nothing.
 */
export async function daemonPresence(
  config: Config,
  runs: RunStore,
): Promise<"there" | "absent" | "unknown"> {
  if (config.MONGODB_URI !== undefined) {
    const { by_status, unhosted } = await runs.counts(Date.now());
    return by_status.running > unhosted ? "there" : "unknown";
  }
  const { isLocked } = await import("../services/runs/sqlite/lock.ts");
  return isLocked(sqliteFile(config)) ? "there" : "absent";
}
