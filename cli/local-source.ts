import type { Config } from "../config.ts";
import { HaystackError } from "../errors.ts";

/**
 * Gives the work a local file for a path or a gs://bucket/path address. Errors: USAGE,
 * OBJECT_NOT_FOUND, OBJECTS_UNAVAILABLE.
 */
export async function withLocalSource<Result>(
  config: Config,
  source: string,
  work: (file: string) => Promise<Result>,
): Promise<Result> {
  if (!source.startsWith("gs://")) return work(source);
  const [, bucket, path] = /^gs:\/\/([^/]+)\/(.+)$/.exec(source) ?? [];
  if (bucket === undefined || path === undefined)
    throw new HaystackError(
      "USAGE",
      `${source} does not name an object; write it like gs://bucket/folder/atlas.h5ad.`,
    );
  const { openObjects } = await import("../adapters/objects.ts");
  const objects = await openObjects(config, bucket, "");
  try {
    return await work(await objects.fetch({ path }));
  } finally {
    await objects.close();
  }
}
