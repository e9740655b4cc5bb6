/**
 * How what a run has become stands against what is stored.
 *
 * - `clean`: all is durable.
 * - `changed`: a change waits for the next write.
 * - `writing`: the write of all changes is under way.
 * - `stale`: a write is under way, and something has changed since it was taken.
 */
export type WriteState = "clean" | "changed" | "writing" | "stale";

/** Something changed; the commit of all changes was taken; its outcome is known. */
export type WriteEvent = "change" | "take" | "settle";

const NEXT: Readonly<Record<WriteState, Partial<Record<WriteEvent, WriteState>>>> = {
  clean: { change: "changed" },
  changed: { change: "changed", take: "writing" },
  writing: { change: "stale", settle: "clean" },
  stale: { change: "stale", settle: "changed" },
};

export interface WriteStateHolder {
  readonly state: WriteState;
  /** The one place that changes the state. */
  on(event: WriteEvent): void;
}

export function createWriteState(): WriteStateHolder {
  let state: WriteState = "clean";
  return {
    get state() {
      return state;
    },
    on(event) {
      const next = NEXT[state][event];
      if (next === undefined) throw new Error(`A run that is ${state} cannot ${event}.`);
      state = next;
    },
  };
}
