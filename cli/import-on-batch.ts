import { setTimeout as pause } from "node:timers/promises";
import { importOnBatch } from "../actors/imports/on-batch.ts";
import type { Config } from "../config.ts";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import { SOFTWARE } from "../software.ts";
import type { BucketPlace } from "./local-source.ts";
import { type AtlasOptions, importColumns } from "./atlas-options.ts";
import { note } from "./output.ts";

/** Has a job on Google Batch import the file, and waits for it. Errors: those of importOnBatch. */
export async function importByJob(
  config: Config,
  source: BucketPlace,
  options: AtlasOptions,
): Promise<AtlasIndex> {
  const { openObjects } = await import("../adapters/objects.ts");
  const { openImportJobs } = await import("../adapters/dispatch.ts");
  await using opened = new AsyncDisposableStack();
  const objects = opened.adopt(await openObjects(config), (part) => part.close());
  const sources = opened.adopt(await openObjects(config, source.bucket, ""), (part) =>
    part.close(),
  );
  const jobs = opened.adopt(await openImportJobs(config, process.env), (part) => part.close());
  return await importOnBatch(
    {
      objects,
      sources,
      jobs,
      pause: () => pause(config.DISPATCH_WATCH_SECONDS * 1_000),
      onJob: (jobId) =>
        note(`The job ${jobId} on Google Batch imports it; the same command finds it again.`),
      onDone: (shares, of) => note(`${shares} of ${of} parts are imported.`),
    },
    {
      release: SOFTWARE.version,
      source,
      tasks: config.DISPATCH_IMPORT_TASKS,
      options: importColumns(options),
    },
  );
}
