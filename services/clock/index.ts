/**
 * Port: time, in milliseconds, and timers that a test can turn by hand. Intervals are measured by
 * `elapsed` and `after`; only what is stored or meant for a time of day uses `now` and `at`.
 */
export interface Clock {
  /**
   * Since the epoch. It never goes back, and where somebody sets the machine's clock it follows
   * little by little: nothing waits for an hour that is lived twice, or is late by one left out.
   */
  now(): number;
  /** Since some moment; no setting of the machine's clock changes it. */
  elapsed(): number;
  /** Calls back once at or after the time of day `at`; returns a function that forgets it. */
  at(at: number, callback: () => void): () => void;
  /** Calls back once after `ms`, whatever the time of day says; returns a function that forgets it. */
  after(ms: number, callback: () => void): () => void;
}
