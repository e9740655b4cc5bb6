import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { googleObjects, type GoogleObjectsOptions } from "../../services/objects/google/store.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import type { GcsServer } from "../support/gcs-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface StorageHarness {
  readonly objects: ObjectStore;
  readonly bucket: string;
  readonly cacheDir: string;
}

/** A store over a fresh bucket, or the named one, and a fresh cache, closed after the test. */
export async function openStorage(
  server: GcsServer,
  options: Partial<GoogleObjectsOptions> = {},
): Promise<StorageHarness> {
  const bucket = options.bucket ?? `bucket-${randomUUID()}`;
  if (options.bucket === undefined) await server.makeBucket(bucket);
  const cacheDir = options.cacheDir ?? (await temporaryFolder());
  const objects = googleObjects({
    bucket,
    cacheDir,
    cacheBytes: 1 << 30,
    projectId: "p",
    emulatorUrl: server.url,
    retry: { attempts: 5, firstMs: 2, longestMs: 20 },
    ...options,
  });
  onTestFinished(() => objects.close());
  return { objects, bucket, cacheDir };
}
