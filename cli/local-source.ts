import { withSource } from "../actors/imports/source.ts";
import type { Config } from "../config.ts";
import { HaystackError } from "../errors.ts";

/** An object, or the objects below a path, of any bucket. */
export interface BucketPlace {
  readonly bucket: string;
  readonly path: string;
}

/** Undefined: a path of this machine. Error USAGE. */
export function bucketPlace(source: string): BucketPlace | undefined {
  if (!source.startsWith("gs://")) return undefined;
  const [, bucket, path] = /^gs:\/\/([^/]+)\/(.*[^/])\/*$/.exec(source) ?? [];
  if (bucket === undefined || path === undefined)
    throw new HaystackError(
      "USAGE",
      `${source} does not name an object; write it like gs://bucket/folder/atlas.h5ad.`,
    );
  return { bucket, path };
}

/**
 * Gives the work a local file or folder for a path or a gs://bucket/path address. Errors: USAGE,
 * OBJECT_NOT_FOUND, OBJECTS_UNAVAILABLE.
 */
export async function withLocalSource<Result>(
  config: Config,
  source: string,
  work: (file: string) => Promise<Result>,
): Promise<Result> {
  const place = bucketPlace(source);
  if (place === undefined) return work(source);
  const { openObjects } = await import("../adapters/objects.ts");
  const objects = await openObjects(config, place.bucket, "");
  try {
    return await withSource(objects, place.path, work);
  } finally {
    await objects.close();
  }
}
