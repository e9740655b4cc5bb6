import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { HaystackError } from "../errors.ts";

/** What lies where in the data folder. */
export const dataFolder = ({ dataDir }: Pick<Config, "dataDir">) => ({
  runs: join(dataDir, "runs.sqlite"),
  access: join(dataDir, "access.sqlite"),
  objects: join(dataDir, "objects"),
  jobs: join(dataDir, "batch"),
  knowledge: join(dataDir, "knowledge"),
  mail: join(dataDir, "mail"),
  /** There while a restore is under way, and after one that did not end. */
  restoring: join(dataDir, ".restoring"),
});

/** Nothing is read or written where a restore has not ended. Error RESTORE_UNFINISHED. */
export function checkRestored(config: Pick<Config, "dataDir">): void {
  if (!existsSync(dataFolder(config).restoring)) return;
  throw new HaystackError(
    "RESTORE_UNFINISHED",
    `The restore into ${config.dataDir} has not ended; wait for it, or, if it was stopped, do it again with \`haystack restore\`.`,
  );
}
