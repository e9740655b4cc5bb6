import type { Config } from "../config.ts";
import { dataFolder } from "./data-folder.ts";

/** Imported knowledge, beside the curated one. */
export const knowledgeFolder = (config: Config): string => dataFolder(config).knowledge;
