import type { Clock } from "../../clock/index.ts";
import type { JobChanged } from "../../job-events/index.ts";
import type { InferenceProgram } from "./command.ts";

export interface LocalBatchOptions {
  /** Folder of the jobs; several executors of one machine may share it. */
  readonly root: string;
  /** The local file of an object path. Error OBJECT_PATH_INVALID. */
  readonly location: (objectPath: string) => string;
  readonly clock: Clock;
  /**
   * Told of each change of state, in order for each job; offered again at the next poll when it
   * rejects, and after a restart.
   */
  readonly onChange: (event: JobChanged) => void | Promise<void>;
  /** Told what went wrong while no caller waited; the work is tried again at the next poll. */
  readonly onError: (error: unknown) => void;
  readonly program?: InferenceProgram;
  /** Jobs running at once on this machine. */
  readonly maxConcurrent?: number;
  readonly pollMs?: number;
  readonly stopGraceMs?: number;
}
