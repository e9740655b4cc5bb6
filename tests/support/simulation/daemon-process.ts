import type { Clock } from "../../../services/clock/index.ts";

/**
 * A process that can be killed and stalled at any moment: everything reaches it through its own
 * clock.
 */
export interface DaemonProcess {
  readonly name: string;
  readonly alive: boolean;
  readonly clock: Clock;
  /** As SIGKILL: no timer, answer or effect passes any more. */
  kill(): void;
  /** As SIGSTOP and SIGCONT: timers and answers wait until then. */
  stallUntil(time: number): void;
  /** Calls back in the process after a while; never when it is dead by then. */
  later(ms: number, callback: () => void): void;
}

export function daemonProcess(name: string, world: Clock): DaemonProcess {
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
  return {
    name,
    get alive() {
      return alive;
    },
    clock: { now: () => world.now(), at },
    kill() {
      alive = false;
    },
    stallUntil(time) {
      stalledUntil = Math.max(stalledUntil, time);
    },
    later: (ms, callback) => void at(world.now() + ms, callback),
  };
}
