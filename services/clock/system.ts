import { uptime } from "node:os";
import { steadyClock, type SteadyClock } from "./steady.ts";

/** This machine's clock. Timers are unref'd: they never keep the process alive, `stayAlive` does. */
export const systemClock: SteadyClock = steadyClock({
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  uptime: () => uptime() * 1_000,
  timer(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
});
