import { pairsOf } from "./forms.ts";
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
export function gpuPrice(
  environment: Environment,
): { readonly SPOT: number; readonly STANDARD: number } | undefined {
  const prices = new Map(pairsOf(environment.BATCH_PRICES)).get(gpuMachine(environment));
  if (prices === undefined) return undefined;
  const [spot = "", standard = ""] = prices.split("/");
  return { SPOT: Number(spot), STANDARD: Number(standard) };
}
