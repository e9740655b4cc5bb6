import { join } from "node:path";
import type { Config } from "../config.ts";
import { given } from "../given.ts";
import { directoryObjects } from "../services/objects/directory/store.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import { checkRestored, dataFolder } from "./data-folder.ts";

/**
 * Google's clients look for credentials at an address outside of this machine, also when they speak
 * to servers on it.
 */
function stayOnThisMachine({ BATCH_ENDPOINT, GCS_ENDPOINT, PUBSUB_EMULATOR_HOST }: Config): void {
  if ((BATCH_ENDPOINT ?? GCS_ENDPOINT ?? PUBSUB_EMULATOR_HOST) !== undefined)
    process.env["METADATA_SERVER_DETECTION"] ??= "none";
}

/** The objects of a bucket that is not the configured one, or the configured ones. */
export async function openObjects(
  config: Config,
  bucket = config.GCS_BUCKET,
  prefix = config.GCS_PREFIX,
): Promise<ObjectStore> {
  if (bucket === undefined) {
    checkRestored(config);
    return directoryObjects({ root: dataFolder(config).objects });
  }
  stayOnThisMachine(config);
  const { googleObjects } = await import("../services/objects/google/store.ts");
  return googleObjects({
    bucket,
    prefix,
    cacheDir: join(config.dataDir, "cache", bucket),
    cacheBytes: config.GCS_CACHE_GB * 1e9,
    ...given({
      projectId: config.BATCH_PROJECT,
      emulatorUrl: config.GCS_ENDPOINT,
      userProject: config.GCS_USER_PROJECT,
    }),
  });
}
