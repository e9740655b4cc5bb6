import { HaystackError, toHaystackError, type ErrorCode } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { Postponement } from "../../services/runs/document.ts";
import type { StepWait } from "./step.ts";
import { pauseSince } from "../steps/pause.ts";

/**
 * Steps that a passing fault of the machine or of a service has stopped: they begin again after a
 * pause, for a bounded time.
 *
 * Owns: which faults pass, how long for each is waited, and what the run shows meanwhile.
 * Does not own: faults of a job (the inference job's machine).
 * 1. A step that begins again finds what it has paid for in the journal (D7), and names its effects
 *    as before (D4).
 * 2. Since when it is postponed is stored with the run, so that restarts do not lengthen the time.
 * 3. A pause ends when the step is aborted or its run is stopped here.
 */
export interface Postponing {
  /** Attempts at the step, until one succeeds or fails for good. */
  attempts<Output>(
    step: string,
    signal: AbortSignal,
    attempt: () => Promise<Output>,
  ): Promise<Output>;
  /** Shows for what an attempt at the step waits; null when that is over. */
  waits(step: string): (wait: StepWait | null) => void;
  /** Of those that are postponed the first; undefined where none is. */
  shown(): Postponement | undefined;
  /** The machine has run out of something: further runs would only meet the same. */
  obstructed(): boolean;
  /** No step is waited for any more. */
  close(): void;
}

const MINUTE_MS = 60_000;
/** Where the machine has run out of something, it takes somebody to notice. */
export const PATIENCE_MS = 6 * 60 * MINUTE_MS;

/**
 * For how long a step is tried. A process that was killed may have been killed for what it
 * computes.
 */
const PATIENCE: Readonly<Partial<Record<ErrorCode, number>>> = {
  COMPUTE_ENDED: 10 * MINUTE_MS,
  DISK_FULL: PATIENCE_MS,
  TOO_MANY_FILES: PATIENCE_MS,
  STORE_UNAVAILABLE: PATIENCE_MS,
  OBJECTS_UNAVAILABLE: PATIENCE_MS,
  BATCH_UNAVAILABLE: PATIENCE_MS,
};
const PAUSES = { first: 5_000, longest: 5 * MINUTE_MS };
export const OF_MACHINE: ReadonlySet<ErrorCode> = new Set(["DISK_FULL", "TOO_MANY_FILES"]);

export interface PostponingOptions {
  readonly clock: Clock;
  /** As it was stored by an earlier host. */
  readonly stored: Postponement | undefined;
  /** What is shown has changed. */
  readonly changed: () => void;
  readonly onTrouble: (error: HaystackError) => void;
}

export function createPostponing({
  clock,
  stored,
  changed,
  onTrouble,
}: PostponingOptions): Postponing {
  const postponed = new Map<object, Postponement>();
  const stop = new AbortController();
  let earlier = stored;

  const pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const ends = AbortSignal.any([signal, stop.signal]);
      const end = (): void => {
        unset();
        ends.removeEventListener("abort", end);
        resolve();
      };
      const unset = clock.after(ms, end);
      ends.addEventListener("abort", end, { once: true });
      if (ends.aborted) end();
    });

  const first = (): Postponement | undefined =>
    [...postponed.values()].toSorted((a, b) => (a.since < b.since ? -1 : 1))[0];

  return {
    async attempts(step, signal, attempt) {
      const mine = {};
      // What an attempt of an earlier host waited for, this one will find out.
      const before =
        earlier?.step === step && PATIENCE[earlier.code] !== undefined ? earlier : undefined;
      if (before !== undefined) postponed.set(mine, before);
      earlier = undefined;
      let since = before === undefined ? undefined : Date.parse(before.since);
      try {
        for (;;) {
          try {
            return await attempt();
          } catch (thrown) {
            if (signal.aborted || stop.signal.aborted) throw thrown;
            const error = toHaystackError(thrown);
            const now = clock.now();
            const patience = PATIENCE[error.code];
            if (patience === undefined) throw thrown;
            since ??= now;
            const left = since + patience - now;
            if (left <= 0) throw givenUp(error, now - since);
            const ms = Math.min(left, pauseSince(since, now, PAUSES));
            const { code, message } = error;
            postponed.set(mine, {
              step,
              code,
              message,
              since: new Date(since).toISOString(),
              try_at: new Date(now + ms).toISOString(),
            });
            onTrouble(error);
            changed();
            await pause(ms, signal);
          }
        }
      } finally {
        postponed.delete(mine);
      }
    },
    waits(step) {
      const mine = {};
      return (wait) => {
        if (wait === null) {
          if (postponed.delete(mine)) changed();
          return;
        }
        const { code, reason, until } = wait;
        postponed.set(mine, {
          step,
          code,
          message: reason,
          since: new Date(clock.now()).toISOString(),
          try_at: new Date(until).toISOString(),
        });
        changed();
      };
    },
    shown: () => first() ?? earlier,
    obstructed: () => [...postponed.values()].some(({ code }) => OF_MACHINE.has(code)),
    close: () => stop.abort(),
  };
}

const givenUp = ({ code, message, details }: HaystackError, ms: number): HaystackError =>
  new HaystackError(
    code,
    `${message.replace(/\.$/, "")} (tried for ${Math.round(ms / MINUTE_MS)} minutes).`,
    details === undefined ? {} : { details },
  );
