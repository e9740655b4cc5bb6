import type { Clock } from "../../services/clock/index.ts";

/**
 * Wakes runs at their time (D6). A time that has passed wakes at once, but one run not more often
 * than every second.
 */
export interface WakeUps {
  /** Sets, moves or (null) clears the time of a run. */
  set(runId: string, at: number | null): void;
  remove(runId: string): void;
  clear(): void;
}

const SPACING_MS = 1_000;

const idle = (): void => undefined;

export function createWakeUps(clock: Clock, wake: (runId: string) => void): WakeUps {
  const entries = new Map<string, { lastWoken: number; at: number | null; cancel: () => void }>();
  const set = (runId: string, at: number | null): void => {
    const entry = entries.get(runId) ?? {
      lastWoken: Number.NEGATIVE_INFINITY,
      at: null,
      cancel: idle,
    };
    if (entry.at === at && (at === null) === (entry.cancel === idle)) return;
    entry.cancel();
    entry.cancel = idle;
    entry.at = at;
    entries.set(runId, entry);
    if (at === null) return;
    entry.cancel = clock.at(Math.max(at, entry.lastWoken + SPACING_MS), () => {
      entry.cancel = idle;
      entry.lastWoken = clock.now();
      wake(runId);
    });
  };

  return {
    set,
    remove(runId) {
      entries.get(runId)?.cancel();
      entries.delete(runId);
    },
    clear() {
      for (const { cancel } of entries.values()) cancel();
      entries.clear();
    },
  };
}
