import type { Clock } from "./index.ts";

export interface ManualClock extends Clock {
  /**
   * Moves time forward by `ms` and calls, in order of their times, every callback that falls due,
   * also those added on the way.
   */
  advance(ms: number): void;
  advanceTo(time: number): void;
  /** Number of callbacks still waiting. */
  readonly waiting: number;
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is turned by hand. A callback whose time has passed runs at
 * the next turn, also at `advance(0)`.
 */
export function manualClock(start = 0): ManualClock {
  let now = start;
  const timers = new Set<Timer>();

  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers)
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  };

  const advanceTo = (time: number): void => {
    if (time < now) throw new RangeError(`The clock shows ${now} and cannot go back to ${time}.`);
    for (let timer = nextDue(time); timer !== undefined; timer = nextDue(time)) {
      timers.delete(timer);
      now = Math.max(now, timer.at);
      timer.callback();
    }
    now = time;
  };

  const at = (time: number, callback: () => void): (() => void) => {
    const timer = { at: time, callback };
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  return {
    now: () => now,
    elapsed: () => now,
    at,
    after: (ms, callback) => at(now + ms, callback),
    advance: (ms) => advanceTo(now + ms),
    advanceTo,
    get waiting() {
      return timers.size;
    },
  };
}
