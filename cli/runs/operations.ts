import type { ErrorCode } from "../../errors.ts";
import type { RunConfig, RunDocument, RunStatus } from "../../services/runs/document.ts";
import type { TransitionEntry } from "../../services/runs/index.ts";
import type { JobOutputs, RunStatusShown } from "../../server/runs/schemas.ts";
import type { ShownCheck } from "../../server/questions/shown-check.ts";
import type { AtlasOptions } from "../atlas-options.ts";

/**
 * What commands do with runs: in the store of this machine, or at a server. What takes long shows
 * its progress on stderr.
 */
export interface RunOperations {
  /** How the rules read a question and what would answer it; nothing is stored or spent. */
  check(question: Pick<RunOrder, "query" | "config">): Promise<ShownCheck>;
  /** What names of a question a run would repair, and what it will take; neither of one that cannot be read. */
  repairs(question: Pick<RunOrder, "query" | "config">): Promise<Repairs>;
  /** Queues a run for whoever hosts runs. */
  submit(order: RunOrder): Promise<{ readonly run: RunDocument; readonly isDaemonThere: boolean }>;
  /** The newest runs. */
  list(filter: ListFilter): Promise<readonly ListedRun[]>;
  /** The newest runs with all that is known of each. */
  documents(filter: ListFilter): Promise<readonly RunDocument[]>;
  /**
   * The id that a user means by it, or by its beginning. Errors: RUN_NOT_FOUND, USAGE when several
   * begin so.
   */
  find(given: string): Promise<string>;
  /** Errors: RUN_NOT_FOUND. */
  get(runId: string): Promise<RunStatusShown>;
  /** What the inference program of the run said. Errors: RUN_NOT_FOUND. */
  logs(runId: string): Promise<JobOutputs>;
  /** A file of the report on this machine. Errors: RUN_NOT_FOUND, RUN_STATE_FORBIDS. */
  report(runId: string): Promise<string>;
  /**
   * Follows a run that another process hosts until it rests, with a line for each transition if
   * wanted. Undefined when an interrupt ended it; the run goes on.
   */
  watch(
    runId: string,
    lineOf?: (transition: Transition) => string,
  ): Promise<RunDocument | undefined>;
  /** Cancels the run and waits until its jobs have stopped. */
  cancel(runId: string): Promise<Ended>;
  /** Resumes the run where it stopped and follows it to its end. */
  retry(runId: string): Promise<Ended>;
  /**
   * Deletes an ended run and everything that is kept of it. Errors: RUN_NOT_FOUND,
   * RUN_STATE_FORBIDS.
   */
  delete(runId: string): Promise<void>;
  /** Lets another user read the run; who may by then. Errors: RUN_NOT_FOUND, FORBIDDEN, USAGE. */
  share(runId: string, user: string): Promise<readonly string[]>;
  /** Takes that back; who may still read it. Errors: RUN_NOT_FOUND, FORBIDDEN, USAGE. */
  unshare(runId: string, user: string): Promise<readonly string[]>;
  /**
   * Answers a question, from its run to the files on this machine. An interrupt cancels the run.
   */
  answer(question: Question): Promise<Ended>;
}

/** What is to be known before a run begins. */
export type Repairs = Pick<ShownCheck, "did_you_mean" | "estimate">;

export interface RunOrder {
  readonly query: string;
  readonly config: RunConfig;
  /** Random when absent. */
  readonly random_seed?: number;
  readonly user_email?: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Question {
  readonly query: string;
  readonly config: (datasets: readonly string[]) => RunConfig;
  readonly random_seed?: number;
  readonly user_email?: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Files to import first, and how; then these alone are used. */
  readonly atlases: readonly string[];
  readonly importing: AtlasOptions;
  /** Says what the run will take, and asks whether what names were repaired to is meant; throws where it is not. */
  readonly confirm: (read: Repairs) => Promise<void>;
  /** Folder for the result; where results are kept when absent. */
  readonly output?: string;
}

export interface ListFilter {
  readonly status?: RunStatus;
  readonly text?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly failed_with?: ErrorCode;
  /** ISO 8601. */
  readonly created_from?: string;
  readonly created_until?: string;
  /** Runs that others share, instead of the own ones. */
  readonly shared?: true;
  readonly limit: number;
}

export type ListedRun = Pick<
  RunDocument,
  "run_id" | "query" | "name" | "status" | "current_phase" | "final_score" | "created_at"
> & {
  readonly interrupted: boolean;
  /** False where no component of the score could be measured; servers of earlier releases do not say. */
  readonly is_judged?: boolean | undefined;
};

export interface Transition extends Pick<TransitionEntry, "actor" | "event" | "from" | "to"> {
  /** Unique in the run. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Ended {
  readonly document: RunDocument;
  readonly interrupted: boolean;
}
