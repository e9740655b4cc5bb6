import { importAtlas } from "../../science/atlas/import.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import type { Knowledge } from "../../science/knowledge/knowledge.ts";

/** Imports `source` into the folder `outDir` and returns that folder. */
export async function importForTest(
  source: string,
  outDir: string,
  knowledge: Knowledge,
): Promise<string> {
  await importAtlas({ source, outDir }, labelResolver(knowledge));
  return outDir;
}
