import type { Clock } from "../../../services/clock/index.ts";

/**
 * Time that jumps from one timer to the next. Timers of the same time fire in the order in which
 * they were set.
 */
export interface VirtualClock extends Clock {
  /** Moves to the next timer and calls it; false when none is left. */
  step(): boolean;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | null;
}

const isBefore = (a: Timer, b: Timer): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

export function virtualClock(start: number): VirtualClock {
  const heap: Timer[] = [];
  let now = start;
  let order = 0;

  const at = (index: number): Timer => heap[index] as Timer;
  const swap = (a: number, b: number): void => {
    const held = at(a);
    heap[a] = at(b);
    heap[b] = held;
  };
  const push = (timer: Timer): void => {
    heap.push(timer);
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!isBefore(at(child), at(parent))) return;
      swap(child, parent);
      child = parent;
    }
  };
  const pop = (): Timer | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let parent = 0; ;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let least = parent;
      if (left < heap.length && isBefore(at(left), at(least))) least = left;
      if (right < heap.length && isBefore(at(right), at(least))) least = right;
      if (least === parent) return first;
      swap(parent, least);
      parent = least;
    }
  };

  const setTimer = (time: number, callback: () => void): (() => void) => {
    const timer: Timer = { at: Math.max(time, now), order: order++, callback };
    push(timer);
    return () => {
      timer.callback = null;
    };
  };

  return {
    now: () => now,
    elapsed: () => now,
    at: setTimer,
    after: (ms, callback) => setTimer(now + ms, callback),
    step() {
      for (let timer = pop(); timer !== undefined; timer = pop()) {
        if (timer.callback === null) continue;
        now = timer.at;
        timer.callback();
        return true;
      }
      return false;
    },
  };
}
