import { listed, pairsOf } from "./forms.ts";
import { OFFER } from "./variables/batch.ts";
import type { Environment } from "./variables.ts";

/**
 * The machine of a GPU job as the price table and the ledger name it: "g2-standard-8 with 1
 * nvidia-l4".
 */
export const gpuMachine = ({
  BATCH_MACHINE_TYPE,
  BATCH_ACCELERATOR,
  BATCH_ACCELERATOR_COUNT,
}: Environment): string =>
  BATCH_ACCELERATOR === "none"
    ? BATCH_MACHINE_TYPE
    : `${BATCH_MACHINE_TYPE} with ${BATCH_ACCELERATOR_COUNT} ${BATCH_ACCELERATOR}`;

/** US dollars per hour of that machine; undefined when the table has no price for it. */
function gpuPrice(
  environment: Environment,
): { readonly SPOT: number; readonly STANDARD: number } | undefined {
  const prices = new Map(pairsOf(environment.BATCH_PRICES)).get(gpuMachine(environment));
  if (prices === undefined) return undefined;
  const [spot = "", standard = ""] = prices.split("/");
  return { SPOT: Number(spot), STANDARD: Number(standard) };
}

/** A machine that a GPU job may be given. */
export interface GpuOffer {
  readonly region: string;
  /** With its accelerators, as the price table names it. */
  readonly machine: string;
  readonly provisioning: "SPOT" | "STANDARD" | "FLEX_START";
  readonly usd_per_hour: number;
}

/** In the order in which they are tried; none where the machine has no price. */
export function gpuOffers(environment: Environment): readonly GpuOffer[] {
  const asked = listed(environment.BATCH_OFFERS).flatMap((text): GpuOffer[] => {
    const [, region = "", machine = "", provisioning, usd] = OFFER.exec(text) ?? [];
    return provisioning === "SPOT" || provisioning === "STANDARD" || provisioning === "FLEX_START"
      ? [{ region, machine, provisioning, usd_per_hour: Number(usd) }]
      : [];
  });
  if (asked.length > 0) return asked;
  const prices = gpuPrice(environment);
  if (prices === undefined) return [];
  const models = environment.BATCH_PROVISIONING === "SPOT" ? SPOT_FIRST : STANDARD_ONLY;
  return models.map((provisioning) => ({
    region: environment.BATCH_LOCATION,
    machine: gpuMachine(environment),
    provisioning,
    usd_per_hour: prices[provisioning],
  }));
}

/** Where GPU jobs are made, and those that run the orchestrator. */
export const regionsOfJobs = (environment: Environment): ReadonlySet<string> =>
  new Set([
    ...gpuOffers(environment).map(({ region }) => region),
    ...(environment.DISPATCH === "batch" || environment.BATCH_OFFERS === ""
      ? [environment.BATCH_LOCATION]
      : []),
  ]);

const SPOT_FIRST = ["SPOT", "STANDARD"] as const;
const STANDARD_ONLY = ["STANDARD"] as const;
