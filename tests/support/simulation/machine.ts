import { HaystackError, type ErrorCode } from "../../../errors.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { Shortage } from "./planned-troubles.ts";
import type { Random } from "./random.ts";
import type { Fault } from "./witness.ts";

/** The machine of a daemon, which for a while has none of something, and now and then for once. */
export interface Machine {
  /** What a piece of work meets at this moment, if anything. */
  faultOf(work: MachineWork): HaystackError | undefined;
}

/** A step, the check of a prediction, an object, a local job's folder, a write of the store. */
export type MachineWork = "step" | "check" | "object" | "job" | "store";

/** Steps of a process that wait for the end of a shortage. */
export interface Shortages {
  met(code: ErrorCode, step: AbortSignal): void;
  isTriedAgain(step: AbortSignal): void;
  any(): boolean;
}

const CODES: Readonly<Record<Shortage["kind"], ErrorCode>> = {
  "compute killed": "COMPUTE_ENDED",
  "disk full": "DISK_FULL",
  "too many files": "TOO_MANY_FILES",
};
const KINDS = ["compute killed", "disk full", "too many files"] as const;

/** By these words the end of a world knows it in the failure of a run. */
export const MACHINE_FAULT = "The simulated machine had its fault";

const meets = ({ kind, where }: Shortage, work: MachineWork): boolean => {
  if (kind === "compute killed") return work === "step" || work === "check";
  if (where === "jobs") return work === "job";
  return work === "step" || work === "object" || (work === "store" && where === "steps and store");
};

export interface MachineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Of this machine. */
  readonly shortage: Shortage | null;
  readonly faultsUntil: number;
  readonly onFault: (fault: Fault) => void;
}

export function machine({
  clock,
  random,
  shortage,
  faultsUntil,
  onFault,
}: MachineOptions): Machine {
  const fault = (kind: Shortage["kind"], work: MachineWork): HaystackError => {
    onFault(`${kind}: ${work}`);
    return work === "store"
      ? new HaystackError("STORE_UNAVAILABLE", `${MACHINE_FAULT} (${kind}).`)
      : new HaystackError(CODES[kind], `${MACHINE_FAULT} (${kind}).`);
  };
  return {
    faultOf(work) {
      const now = clock.now();
      if (shortage !== null && now >= shortage.from && now < shortage.to && meets(shortage, work))
        return fault(shortage.kind, work);
      if (work === "step" && now < faultsUntil && random.chance(0.08))
        return fault(random.pick(KINDS), work);
      return undefined;
    },
  };
}

/** Of which further runs would only meet the same. */
const OF_MACHINE: ReadonlySet<ErrorCode> = new Set(["DISK_FULL", "TOO_MANY_FILES"]);

export function shortagesMet(): Shortages {
  const waiting = new Set<AbortSignal>();
  return {
    met(code, step) {
      if (!OF_MACHINE.has(code)) return;
      waiting.add(step);
      step.addEventListener("abort", () => waiting.delete(step), { once: true });
    },
    isTriedAgain: (step) => void waiting.delete(step),
    any: () => waiting.size > 0,
  };
}
