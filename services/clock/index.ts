/** Port: time. Milliseconds since the epoch, and timers that a test can turn by hand. */
export interface Clock {
  now(): number;
  /** Calls back once at or after `at`; returns a function that forgets it. */
  at(at: number, callback: () => void): () => void;
}
