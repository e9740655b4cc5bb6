import type { JobState } from "../batch/index.ts";

/**
 * Port: hints that a job changed. Duplicated, reordered, late and lost events are normal: Batch is
 * the truth (D8).
 */
export interface JobChanged {
  /** Unique per change, for deduplication in the inbox. */
  readonly event_id: string;
  readonly job_id: string;
  readonly state: JobState;
}

export interface JobEvents {
  /**
   * `handler` stores the event; it is acknowledged to its source only when the promise resolves,
   * and delivered again when it rejects. One subscriber a process. Returns a function that stops
   * delivery and waits for handlers in flight.
   */
  subscribe(handler: (event: JobChanged) => Promise<void>): Promise<() => Promise<void>>;
  /**
   * Rejects when events cannot arrive at present: JOB_EVENTS_UNAVAILABLE. Absent where they always
   * can.
   */
  check?(): Promise<void>;
  close(): Promise<void>;
}
