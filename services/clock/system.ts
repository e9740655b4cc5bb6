import type { Clock } from "./index.ts";

const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** The machine's own clock. Timers are unref'd: they never keep the process alive, `stayAlive` does. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at(at, callback) {
    let timer: NodeJS.Timeout;
    /**
     * A timer follows another clock than the time of day and can be early by its standards; a far
     * time takes several timers.
     */
    const look = (): void => (Date.now() < at ? arm() : callback());
    const arm = (): void => {
      timer = setTimeout(look, Math.min(LONGEST_TIMEOUT_MS, Math.max(0, at - Date.now())));
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
};
