import { type Config, mongodbOf } from "../config.ts";
import type { RunStore } from "../services/runs/index.ts";
import { openSqliteRuns } from "../services/runs/sqlite/store.ts";
import { checkRestored, dataFolder, keepPrivate } from "./data-folder.ts";

export const sqliteFile = (config: Config): { readonly file: string } => ({
  file: dataFolder(config).runs,
});

export interface RunsOptions {
  /** For a process of one run, of which there may be thousands. */
  readonly fewConnections?: boolean;
  /** Told in a sentence what takes long. */
  readonly onNotice?: (sentence: string) => void;
}

export async function openRuns(config: Config, options: RunsOptions = {}): Promise<RunStore> {
  const mongodb = mongodbOf(config);
  if (mongodb === undefined) {
    checkRestored(config);
    keepPrivate(config);
    return openSqliteRuns(sqliteFile(config));
  }
  const { openMongoRuns } = await import("../services/runs/mongodb/store.ts");
  return openMongoRuns({ ...mongodb, ...options });
}

/** Whether a daemon is there that takes runs from the queue. */
export async function isDaemonThere(config: Config, { presence }: RunStore): Promise<boolean> {
  if (presence !== undefined) return presence.isAnyThere(Date.now());
  const { isLocked } = await import("../services/runs/sqlite/lock.ts");
  return isLocked(sqliteFile(config));
}
