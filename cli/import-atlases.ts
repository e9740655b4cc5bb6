import type { Daemon } from "../daemon.ts";
import { importColumns, type AtlasOptions } from "./atlas-options.ts";

/** Imports the files and answers with the names of their datasets. */
export async function importAll(
  { atlases }: Pick<Daemon, "atlases">,
  files: readonly string[],
  options: AtlasOptions,
): Promise<string[]> {
  const datasets: string[] = [];
  for (const source of files)
    datasets.push((await atlases.import({ source, ...importColumns(options) })).dataset);
  return datasets;
}
