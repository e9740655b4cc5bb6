import type { Config } from "../config.ts";
import { checkRestored, dataFolder } from "./data-folder.ts";

/** Imported knowledge, beside the curated one. Error RESTORE_UNFINISHED. */
export function knowledgeFolder(config: Config): string {
  checkRestored(config);
  return dataFolder(config).knowledge;
}
