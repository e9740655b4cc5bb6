import { toHaystackError, type HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";

/** Work that nobody awaits: failures are reported, the rest is waited for at the end. */
export interface Background {
  run(work: Promise<unknown>): void;
  /**
   * Does the work again and again, with a pause after each; `jitter` is the share of the pause that
   * is random. The answer has it done soon.
   */
  every(ms: number, work: () => Promise<unknown>, jitter?: number): () => void;
  /** Begins nothing more and waits for what is under way. */
  stop(): Promise<void>;
}

/** What asks for the work within this time asks for it once. */
const SOON_MS = 20;

export function createBackground(
  clock: Clock,
  onTrouble: (error: HaystackError) => void,
  random: () => number,
): Background {
  const running = new Set<Promise<unknown>>();
  const timers = new Set<() => void>();
  let stopped = false;

  const run = (work: Promise<unknown>): void => {
    const kept: Promise<unknown> = work
      .catch((thrown: unknown) => onTrouble(toHaystackError(thrown)))
      .finally(() => running.delete(kept));
    running.add(kept);
  };

  return {
    run,
    every(ms, work, jitter = 0) {
      let isWanted = false;
      let cancelPause: (() => void) | undefined;
      const rest = (pause: number): void => {
        if (stopped) return;
        const cancel = clock.after(pause, () => {
          timers.delete(cancel);
          cancelPause = undefined;
          isWanted = false;
          run(work().finally(() => rest(isWanted ? SOON_MS : usualPause())));
        });
        timers.add(cancel);
        cancelPause = () => {
          timers.delete(cancel);
          cancel();
        };
      };
      const usualPause = (): number => ms * (1 - jitter * random());
      rest(usualPause());
      return () => {
        if (isWanted) return;
        isWanted = true;
        if (cancelPause === undefined) return;
        cancelPause();
        rest(SOON_MS);
      };
    },
    async stop() {
      stopped = true;
      for (const cancel of timers) cancel();
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
