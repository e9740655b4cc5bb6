import { join } from "node:path";
import type { Config } from "../config.ts";
import type { AccessStore } from "../services/access/index.ts";
import { openSqliteAccess } from "../services/access/sqlite.ts";

/** Tokens and the audit log are kept where the runs are. */
export async function openAccess(config: Config): Promise<AccessStore> {
  if (config.MONGODB_URI === undefined)
    return openSqliteAccess({ file: join(config.dataDir, "access.sqlite") });
  const { openMongoAccess } = await import("../services/access/mongodb.ts");
  return openMongoAccess({ uri: config.MONGODB_URI, database: config.MONGODB_DATABASE });
}
