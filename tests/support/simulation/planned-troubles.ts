import { seededRandom, type Random } from "./random.ts";
import { HOUR, MINUTE, START, times } from "./time-line.ts";

/** What strikes the daemons and their machines, and when. Times are milliseconds. */

export interface PlannedTrouble {
  readonly kind: "kill" | "stall" | "drain" | "clock set back" | "clock set forward";
  readonly daemon: number;
  readonly at: number;
  /** How long the process is gone or stands still, or how far the clock is set. */
  readonly ms: number;
}

/** For a while a machine has none of something, wherever it is asked for it. */
export interface Shortage {
  readonly kind: "compute killed" | "disk full" | "too many files";
  readonly daemon: number;
  readonly from: number;
  readonly to: number;
  /** What the steps need, with or without the store, or the folders of local jobs alone. */
  readonly where: "steps" | "steps and store" | "jobs";
}

/**
 * The clock of a machine is set. Daemons that share a store share the time, too: what becomes of
 * them where they do not is no part of the contract.
 */
function clockSteps(seed: number, daemons: number, span: number): PlannedTrouble[] {
  const random = seededRandom(seed, "clock");
  if (daemons > 1 || !random.chance(0.5)) return [];
  return times(random.between(1, 2), (): PlannedTrouble => ({
    kind: random.pick<PlannedTrouble["kind"]>(["clock set back", "clock set forward"]),
    daemon: 1,
    at: START + random.between(0, span),
    ms: random.pick([random.between(2_000, MINUTE), HOUR]),
  }));
}

export function planTroubles(
  seed: number,
  random: Random,
  { daemons, span, leaseMs }: { daemons: number; span: number; leaseMs: number },
): PlannedTrouble[] {
  const some = (
    kind: PlannedTrouble["kind"],
    most: number,
    [least, longest]: readonly [number, number],
  ): PlannedTrouble[] =>
    times(random.between(0, most), () => ({
      kind,
      daemon: random.between(1, daemons),
      at: START + random.between(0, span),
      ms: random.between(least, longest),
    }));
  return [
    ...some("kill", 4, [100, 2 * MINUTE]),
    ...some("stall", 2, [1_000, 4 * leaseMs]),
    ...some("drain", 1, [100, MINUTE]),
    ...clockSteps(seed, daemons, span),
  ];
}

/**
 * Shorter than the time for which a step is tried: ten minutes where its process is killed, the time
 * that a job may run where it cannot be handed over.
 */
const LONGEST: Readonly<Record<Shortage["kind"], number>> = {
  "compute killed": 4 * MINUTE,
  "disk full": 30 * MINUTE,
  "too many files": 30 * MINUTE,
};
const LONGEST_OF_JOBS = 100_000;

export function planShortage(seed: number, daemons: number, span: number): Shortage | null {
  const random = seededRandom(seed, "shortage");
  if (!random.chance(0.4)) return null;
  const kind = random.pick<Shortage["kind"]>(["compute killed", "disk full", "too many files"]);
  const where =
    kind !== "compute killed" && random.chance(0.5)
      ? "jobs"
      : kind === "disk full" && random.chance(0.5)
        ? "steps and store"
        : "steps";
  const from = START + random.between(0, span / 2);
  return {
    kind,
    daemon: random.between(1, daemons),
    from,
    to: from + random.between(10_000, where === "jobs" ? LONGEST_OF_JOBS : LONGEST[kind]),
    where,
  };
}

/** Beside a crowd nothing but its own weight is in the way. */
export const drainOf = (random: Random, at: number): PlannedTrouble => ({
  kind: "drain",
  daemon: 1,
  at: at + random.between(500, 15_000),
  ms: random.between(100, MINUTE),
});
