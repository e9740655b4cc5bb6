import { HaystackError } from "../../errors.ts";
import type { Clock } from "../clock/index.ts";

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** Doubling from one second up to a minute; `random` (0 to 1) takes away up to half. */
export function backoffMs(failures: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) * (1 - random / 2);
}

export const stopped = (): HaystackError =>
  new HaystackError("STEP_ABORTED", "The call was stopped before its answer arrived.");

/** Errors: STEP_ABORTED. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(stopped());
    const abort = (): void => {
      forget();
      reject(stopped());
    };
    const forget = clock.after(ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}
