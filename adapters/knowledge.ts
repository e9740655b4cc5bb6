import { join } from "node:path";
import type { Config } from "../config.ts";

/** Imported knowledge, beside the curated one. */
export const knowledgeFolder = (config: Config): string => join(config.dataDir, "knowledge");
