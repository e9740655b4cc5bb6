import type { Clock } from "./index.ts";

/** What a machine knows of time. All in milliseconds. */
export interface TimeSource {
  /** The time of day, which may be set back and forth. */
  wall(): number;
  /** Never set; it may stand still while the machine sleeps. */
  monotonic(): number;
  /** Never set, and goes on while the machine sleeps; may be rounded to a second. */
  uptime(): number;
  /** Calls back after so many milliseconds of `monotonic`; returns a function that forgets it. */
  timer(ms: number, callback: () => void): () => void;
}

/** What a clock showed at a moment of its machine's uptime. Milliseconds. */
export interface Standing {
  readonly uptime: number;
  readonly shown: number;
}

export interface SteadyClock extends Clock {
  standing(): Standing;
  /** Goes on as an earlier clock of this machine would, one that stood so since its last start. */
  resume(earlier: Standing): void;
}

const LONGEST_TIMEOUT_MS = 2_147_483_647;
/** A difference to the time of day up to this is followed at once where it leads forward. */
const JUMP_MS = 1_000;
/** Of a sleep that is noticed; more than the rounding of `uptime`. */
const SHORTEST_SLEEP_MS = 1_500;
/**
 * How fast the shown time runs while it is ahead of the time of day, or behind it. Fast is hardly
 * so: what is given a grace of minutes by stored times (a job that Batch does not know yet) has it.
 */
const SLOW = 0.5;
const FAST = 1.05;

/**
 * A clock that no setting of the machine's clock stops or throws.
 *
 * 1. `elapsed` follows `monotonic`, and counts the sleep of the machine.
 * 2. `now` never goes back. Where it is ahead of the time of day it runs slower until that has
 *    caught up, and where it is behind a little faster. A sleep is real time: it is followed at
 *    once.
 * 3. A timer never fires before its time by `now` or `elapsed`.
 */
export function steadyClock(source: TimeSource): SteadyClock {
  const first = { monotonic: source.monotonic(), uptime: source.uptime() };
  let slept = 0;
  let last = first.monotonic;
  let shown = source.wall();
  /** What is left of a jump that was seen before. */
  let behind = JUMP_MS;

  const elapsed = (): number => source.monotonic() + slept;

  const noticeSleep = (): void => {
    const gap = source.uptime() - first.uptime - (source.monotonic() - first.monotonic) - slept;
    if (gap > SHORTEST_SLEEP_MS) slept += gap;
  };

  const now = (): number => {
    const wall = source.wall();
    if (wall - (shown + elapsed() - last) > behind + JUMP_MS) noticeSleep();
    const time = elapsed();
    const passed = time - last;
    last = time;
    const straight = shown + passed;
    if (straight > wall) shown = Math.max(wall, shown + passed * SLOW);
    else if (wall - straight <= JUMP_MS) shown = wall;
    else shown = Math.min(wall, shown + passed * FAST);
    behind = Math.max(JUMP_MS, wall - shown);
    return Math.floor(shown);
  };

  const until = (remaining: () => number, callback: () => void): (() => void) => {
    let forget = (): void => undefined;
    const look = (): void => (remaining() > 0 ? arm() : callback());
    const arm = (): void => {
      forget = source.timer(
        Math.min(LONGEST_TIMEOUT_MS, Math.max(0, Math.ceil(remaining()))),
        look,
      );
    };
    arm();
    return () => forget();
  };

  return {
    now,
    elapsed,
    standing: () => ({ uptime: source.uptime(), shown: now() }),
    resume({ uptime, shown: before }) {
      const passed = source.uptime() - uptime;
      if (passed < 0) return;
      last = elapsed();
      shown = before + passed;
      behind = Math.max(JUMP_MS, source.wall() - shown);
    },
    at: (at, callback) => until(() => at - now(), callback),
    after(ms, callback) {
      const due = elapsed() + ms;
      return until(() => due - elapsed(), callback);
    },
  };
}
