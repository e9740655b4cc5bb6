import type { Clock } from "../../../services/clock/index.ts";
import {
  steadyClock,
  type Standing,
  type SteadyClock,
  type TimeSource,
} from "../../../services/clock/steady.ts";

/**
 * A process that can be killed and stalled at any moment: everything reaches it through its own
 * clock.
 */
export interface DaemonProcess {
  readonly name: string;
  readonly alive: boolean;
  readonly clock: SteadyClock;
  /** As SIGKILL: no timer, answer or effect passes any more. */
  kill(): void;
  /** As SIGSTOP and SIGCONT: timers and answers wait until then. */
  stallUntil(time: number): void;
  /** Somebody sets the clock of its machine so much further, or back. */
  setClock(ms: number): void;
  /** Calls back in the process after a while; never when it is dead by then. */
  later(ms: number, callback: () => void): void;
}

/**
 * `setBy`: how far its machine's clock is ahead of the world's when it starts; `earlier`: how the
 * clock of the process before stood. `clockOf` makes the process's clock of what its machine knows
 * of time.
 */
export function daemonProcess(
  name: string,
  world: Clock,
  setBy = 0,
  earlier?: Standing,
  clockOf: (source: TimeSource) => SteadyClock = steadyClock,
): DaemonProcess {
  let ahead = setBy;
  let alive = true;
  let stalledUntil = 0;
  const at: Clock["at"] = (time, callback) => {
    let cancelled = false;
    const fire = (): void => {
      if (!alive || cancelled) return;
      if (world.now() < stalledUntil) world.at(stalledUntil, fire);
      else callback();
    };
    const forget = world.at(time, fire);
    return () => {
      cancelled = true;
      forget();
    };
  };
  const clock = clockOf({
    wall: () => world.now() + ahead,
    monotonic: () => world.now(),
    uptime: () => world.now(),
    timer: (ms, callback) => at(world.now() + ms, callback),
  });
  if (earlier !== undefined) clock.resume(earlier);
  return {
    name,
    get alive() {
      return alive;
    },
    clock,
    kill() {
      alive = false;
    },
    stallUntil(time) {
      stalledUntil = Math.max(stalledUntil, time);
    },
    setClock(ms) {
      ahead += ms;
    },
    later: (ms, callback) => void at(world.now() + ms, callback),
  };
}
