import { type Config, mongodbOf } from "../config.ts";
import type { AccessStore } from "../services/access/index.ts";
import { openSqliteAccess } from "../services/access/sqlite.ts";
import { checkRestored, dataFolder, keepPrivate } from "./data-folder.ts";

/** Tokens and the audit log are kept where the runs are. */
export async function openAccess(config: Config): Promise<AccessStore> {
  const mongodb = mongodbOf(config);
  if (mongodb === undefined) {
    checkRestored(config);
    keepPrivate(config);
    return openSqliteAccess({ file: dataFolder(config).access });
  }
  const { openMongoAccess } = await import("../services/access/mongodb.ts");
  return openMongoAccess(mongodb);
}
