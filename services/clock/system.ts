import type { Clock } from "./index.ts";

const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** The machine's own clock. Timers are unref'd: they never keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at(at, callback) {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const wait = at - Date.now();
      timer = wait > LONGEST_TIMEOUT_MS ? setTimeout(arm, LONGEST_TIMEOUT_MS) : setTimeout(callback, Math.max(0, wait));
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
};
