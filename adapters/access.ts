import type { Config } from "../config.ts";
import type { AccessStore } from "../services/access/index.ts";
import { openSqliteAccess } from "../services/access/sqlite.ts";
import { checkRestored, dataFolder } from "./data-folder.ts";

/** Tokens and the audit log are kept where the runs are. */
export async function openAccess(config: Config): Promise<AccessStore> {
  if (config.MONGODB_URI === undefined) {
    checkRestored(config);
    return openSqliteAccess({ file: dataFolder(config).access });
  }
  const { openMongoAccess } = await import("../services/access/mongodb.ts");
  return openMongoAccess({ uri: config.MONGODB_URI, database: config.MONGODB_DATABASE });
}
