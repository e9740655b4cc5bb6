import {
  bootDiskType,
  bootDiskTypeElsewhere,
  type Config,
  gpuOffers,
  listed,
  pairsOf,
} from "../config.ts";
import { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import type { GoogleJobSettings } from "../services/batch/google/job.ts";
import { placesIn } from "../services/batch/google/offers.ts";
import type { GoogleBatchOptions } from "../services/batch/google/service.ts";

/** What the configuration says of jobs on Google Batch: GPU jobs, and runs as jobs. */

/** A variable that the rules of the configuration ask for here. */
export function configured(
  config: Config,
  name:
    | "BATCH_PROJECT"
    | "BATCH_IMAGE"
    | "GCS_BUCKET"
    | "PUBSUB_TOPIC"
    | "PUBSUB_SUBSCRIPTION"
    | "DISPATCH_IMAGE",
): string {
  const value = config[name];
  if (value === undefined) throw new HaystackError("CONFIG_INVALID", `${name} is not set; set it.`);
  return value;
}

export const googleOffers = (
  config: Config,
): Pick<GoogleBatchOptions, "offers" | "bootDiskType" | "lossesPerOffer" | "moveAfterMs"> => ({
  offers: gpuOffers(config).map((offer) => ({
    ...offer,
    project: configured(config, "BATCH_PROJECT"),
  })),
  bootDiskType: (machineType) =>
    (config.BATCH_OFFERS === "" ? bootDiskType : bootDiskTypeElsewhere)(
      machineType,
      config.BATCH_BOOT_DISK_TYPE,
    ),
  lossesPerOffer: config.BATCH_SPOT_PREEMPTIONS,
  moveAfterMs: config.BATCH_OFFER_MINUTES * 60_000,
});

export const googlePlace = (config: Config) => ({
  project: configured(config, "BATCH_PROJECT"),
  location: config.BATCH_LOCATION,
  ...given({ endpoint: config.BATCH_ENDPOINT }),
});

/** Without a region those of all jobs: each is to get what is of its own. */
export const googleSettings = (
  config: Config,
  region?: string,
): Omit<GoogleJobSettings, "image" | "machineType"> => ({
  bucket: [configured(config, "GCS_BUCKET"), config.GCS_PREFIX]
    .filter((part) => part !== "")
    .join("/"),
  topic: `projects/${configured(config, "BATCH_PROJECT")}/topics/${configured(config, "PUBSUB_TOPIC")}`,
  bootDisk: {
    sizeGb: config.BATCH_BOOT_DISK_GB,
    ...given({
      image: config.BATCH_BOOT_DISK_IMAGE,
      type: bootDiskType(config.BATCH_MACHINE_TYPE, config.BATCH_BOOT_DISK_TYPE),
    }),
  },
  labels: recordOf(config.BATCH_LABELS),
  ...given({
    allowedLocations: placesIn(region, listed(config.BATCH_ALLOWED_LOCATIONS)),
    mountOptions:
      config.BATCH_MOUNT_OPTIONS === undefined ? undefined : listed(config.BATCH_MOUNT_OPTIONS),
    serviceAccount: config.BATCH_SERVICE_ACCOUNT,
    network: networkOf(config),
    userProject: config.GCS_USER_PROJECT,
  }),
});

/** Undefined: the default network, with external addresses. */
const networkOf = (config: Config): GoogleJobSettings["network"] =>
  (config.BATCH_NETWORK ?? config.BATCH_SUBNETWORK) === undefined
    ? undefined
    : {
        noExternalIp: config.BATCH_NO_EXTERNAL_IP,
        ...given({ network: config.BATCH_NETWORK, subnetwork: config.BATCH_SUBNETWORK }),
      };

export const recordOf = (text: string): Record<string, string> => Object.fromEntries(pairsOf(text));
