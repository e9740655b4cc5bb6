import { TERMINAL_JOB_STATES } from "../index.ts";
import type { History } from "./job.ts";

/** A job as one executor sees it. */
export interface LiveJob {
  readonly folder: string;
  /** Empty when the folder was removed by hand. */
  history: History;
  /** How many states of the history have been told and taken. */
  announced: number;
  announcing: boolean;
  runner?: "up" | "gone";
  /** When its runner was asked to stop, by the clock's `elapsed`. */
  askedToStop?: number;
  /** Why a runner that does not answer is stopped, where nobody cancelled the job. */
  silent?: "over_time";
  /** For how long the program may run. */
  mostMs?: number;
}

export const isOver = (job: LiveJob): boolean =>
  TERMINAL_JOB_STATES.has(job.history.at(-1)?.state ?? "CANCELLED");
export const isQueued = (job: LiveJob): boolean => job.history.at(-1)?.state === "QUEUED";
export const isSettled = (job: LiveJob): boolean =>
  isOver(job) && job.announced >= job.history.length;
