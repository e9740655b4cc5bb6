import { bootDiskTypeElsewhere, type Config, gpuOffers } from "../config.ts";
import { given } from "../given.ts";
import type { TrialJobs } from "../services/batch/index.ts";
import { configured, googlePlace, googleSettings } from "./google-jobs.ts";

/** Small, and everywhere. */
const MACHINE = "e2-standard-2";

/** In the region of the first offer. */
export async function openTrialJobs(config: Config): Promise<TrialJobs> {
  const { googleTrialJobs } = await import("../services/batch/google/trial-jobs.ts");
  const region = gpuOffers(config)[0]?.region ?? config.BATCH_LOCATION;
  return googleTrialJobs({
    ...googlePlace(config),
    location: region,
    ...googleSettings(config, region),
    bootDisk: {
      sizeGb: config.BATCH_BOOT_DISK_GB,
      ...given({
        image: config.BATCH_BOOT_DISK_IMAGE,
        type: bootDiskTypeElsewhere(MACHINE, config.BATCH_BOOT_DISK_TYPE),
      }),
    },
    image: configured(config, "BATCH_IMAGE"),
    machineType: MACHINE,
  });
}
