/** Whoever asks for more is wrong, or away for long: then it is looked whether they still are. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Milliseconds until the next attempt: as long as the server asks, in seconds, within reason, and
 * never less than our own pause.
 */
export const waitAfter = (askedSeconds: number | undefined, ownMs: number): number =>
  Math.max(ownMs, Math.min((askedSeconds ?? 0) * 1_000, LONGEST_WAIT_MS));

/** Ends early where the signal does. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
