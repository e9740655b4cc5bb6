import type { JobOffer } from "../index.ts";
import { given } from "../../../given.ts";
import type { GoogleJobSettings } from "./job.ts";

/** Which machine a job is given. */
export interface OfferRules {
  /** In the order in which they are tried; at least one. */
  readonly offers: readonly Required<JobOffer>[];
  /** So many preemptions and shortages use up an offer; 0: the last one is given at once. */
  readonly lossesPerOffer: number;
  /** Of the boot disk of a machine. Default: that of the settings. */
  readonly bootDiskType?: (machineType: string) => string | undefined;
  /** For how long a job waits for its machine while there is a next offer. */
  readonly moveAfterMs: number;
}

/** The offer for a job that lost its machine so often, and was moved on so often. */
export function chooseOffer(
  { offers, lossesPerOffer }: OfferRules,
  losses: number,
  moves: number,
): Required<JobOffer> | undefined {
  const used = lossesPerOffer === 0 ? offers.length : Math.floor(losses / lossesPerOffer);
  return offers[Math.min(offers.length - 1, used + moves)];
}

const isSame = (one: JobOffer, other: JobOffer): boolean =>
  one.machine === other.machine &&
  one.provisioning === other.provisioning &&
  one.region === other.region &&
  one.project === other.project;

/** Undefined for the last one, and for one that is no longer offered. */
export function moveAfter(
  { offers, moveAfterMs }: OfferRules,
  offer: JobOffer,
): number | undefined {
  const index = offers.findIndex((other) => isSame(offer, other));
  return index === -1 || index === offers.length - 1 ? undefined : moveAfterMs;
}

/**
 * Those of `regions/R` and `zones/Z` that are of the region, or all; undefined: none, so that a job
 * may be anywhere in its region.
 */
export function placesIn(
  region: string | undefined,
  places: readonly string[] | undefined,
): readonly string[] | undefined {
  const found = places?.filter(
    (place) =>
      region === undefined || place === `regions/${region}` || place.startsWith(`zones/${region}-`),
  );
  return found?.length === 0 ? undefined : found;
}

/** The machine of an offer, with the allowed locations of its region. */
export function settingsOf(
  settings: Omit<GoogleJobSettings, "machineType"> & Pick<OfferRules, "bootDiskType">,
  offer: JobOffer,
  region: string,
): GoogleJobSettings {
  const [, machineType = offer.machine, count, type] =
    /^(\S+) with (\d+) (\S+)$/.exec(offer.machine) ?? [];
  const { accelerator: _, allowedLocations, bootDisk, bootDiskType, ...rest } = settings;
  const { type: wanted, ...disk } = bootDisk ?? {};
  const diskType = bootDiskType === undefined ? wanted : bootDiskType(machineType);
  return {
    ...rest,
    machineType,
    ...given({
      accelerator: type === undefined ? undefined : { type, count: Number(count) },
      allowedLocations: placesIn(region, allowedLocations),
      bootDisk: bootDisk && { ...disk, ...given({ type: diskType }) },
    }),
  };
}
