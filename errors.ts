import { ranOutOf, systemSubject, systemWords } from "./system-words.ts";

/**
 * The one error catalogue. A code is never reused for another meaning; docs/operations.md says
 * for each what to do, and a test holds both equal.
 */
interface CatalogueEntry {
  /** True when doing the same again later may succeed. */
  readonly retryable: boolean;
  readonly httpStatus: number;
  /**
   * Exit code of the command line: 2 is wrong usage or input, 1 is a failure of ours or of the
   * world.
   */
  readonly exitCode: 1 | 2;
}

const entry = (retryable: boolean, httpStatus: number, exitCode: 1 | 2): CatalogueEntry => ({
  retryable,
  httpStatus,
  exitCode,
});

export const ERROR_CATALOGUE = {
  // Input files
  FILE_NOT_FOUND: entry(false, 400, 2),
  FILE_NOT_HDF5: entry(false, 400, 2),
  FILE_DAMAGED: entry(false, 400, 2),
  ANNDATA_UNSUPPORTED: entry(false, 400, 2),
  ANNDATA_INVALID: entry(false, 400, 2),
  COUNTS_INVALID: entry(false, 400, 2),
  // Atlas
  COLUMN_NOT_FOUND: entry(false, 400, 2),
  PERTURBATION_COLUMN_MISSING: entry(false, 400, 2),
  GENES_DUPLICATED: entry(false, 400, 2),
  GROUP_EMPTY: entry(false, 400, 2),
  CONTROL_LABEL_MISSING: entry(false, 400, 2),
  ATLAS_NOT_FOUND: entry(false, 404, 2),
  ATLAS_EXISTS: entry(false, 409, 2),
  UPLOAD_NOT_FOUND: entry(false, 404, 2),
  UPLOAD_STATE_FORBIDS: entry(false, 409, 2),
  // Knowledge
  KNOWLEDGE_INVALID: entry(false, 400, 2),
  KNOWLEDGE_UNAVAILABLE: entry(true, 503, 1),
  // Question
  QUESTION_EMPTY: entry(false, 400, 2),
  QUESTION_TOO_LONG: entry(false, 413, 2),
  QUESTION_NOT_UNDERSTOOD: entry(false, 422, 2),
  CELL_TYPE_UNKNOWN: entry(false, 422, 2),
  PERTURBATION_UNKNOWN: entry(false, 422, 2),
  CELL_TYPE_NOT_IN_ATLAS: entry(false, 422, 2),
  NO_PROMPT_CELLS: entry(false, 422, 2),
  // Runs
  RUN_NOT_FOUND: entry(false, 404, 2),
  RUN_EXISTS: entry(false, 409, 2),
  IDEMPOTENCY_KEY_REUSED: entry(false, 409, 2),
  RUN_STATE_FORBIDS: entry(false, 409, 2),
  CONFIG_INVALID: entry(false, 400, 2),
  USAGE: entry(false, 400, 2),
  LIMIT_EXCEEDED: entry(false, 422, 2),
  QUOTA_REACHED: entry(true, 429, 1),
  // Durability
  COMMIT_CONFLICT: entry(false, 409, 1),
  LEASE_LOST: entry(false, 409, 1),
  STORE_UNAVAILABLE: entry(true, 503, 1),
  STORE_LOCKED: entry(false, 503, 1),
  STORE_VERSION_UNKNOWN: entry(false, 503, 1),
  STORE_DAMAGED: entry(false, 503, 1),
  SNAPSHOT_TOO_LARGE: entry(false, 500, 1),
  MACHINE_VERSION_UNKNOWN: entry(false, 500, 1),
  RECORD_UNREADABLE: entry(false, 409, 1),
  RECORD_REFUSED: entry(false, 409, 1),
  RUN_ENDS_PROCESS: entry(false, 409, 1),
  // Inference
  JOB_FAILED: entry(true, 502, 1),
  JOB_PREEMPTED: entry(true, 502, 1),
  JOB_OVER_TIME: entry(false, 504, 1),
  JOB_DEADLINE_PASSED: entry(true, 504, 1),
  JOB_NOT_OURS: entry(false, 409, 1),
  GPU_BUDGET_SPENT: entry(false, 402, 1),
  PREDICTION_INVALID: entry(false, 502, 1),
  INFERENCE_COMMAND_INVALID: entry(false, 400, 2),
  BATCH_UNAVAILABLE: entry(true, 503, 1),
  JOB_EVENTS_UNAVAILABLE: entry(true, 503, 1),
  BATCH_QUOTA: entry(true, 503, 1),
  BATCH_REFUSED: entry(false, 502, 1),
  // Objects and mail
  OBJECT_NOT_FOUND: entry(true, 404, 1),
  OBJECT_PATH_INVALID: entry(false, 400, 2),
  OBJECT_DAMAGED: entry(true, 500, 1),
  OBJECTS_UNAVAILABLE: entry(true, 503, 1),
  MAIL_REJECTED: entry(false, 502, 1),
  MAIL_UNAVAILABLE: entry(true, 503, 1),
  MAIL_NOT_FOUND: entry(false, 404, 2),
  // Copies
  ARCHIVE_FAILED: entry(true, 503, 1),
  ARCHIVE_INVALID: entry(false, 400, 2),
  ARCHIVE_UNSUPPORTED: entry(false, 400, 2),
  FOLDER_OCCUPIED: entry(false, 409, 2),
  RESTORE_UNFINISHED: entry(false, 503, 2),
  // Language model
  MODEL_REFUSED: entry(false, 422, 1),
  MODEL_OUTPUT_INVALID: entry(false, 502, 1),
  MODEL_LIMIT: entry(false, 402, 1),
  MODEL_UNAVAILABLE: entry(true, 503, 1),
  MODEL_RETIRED: entry(false, 502, 1),
  TRACES_UNAVAILABLE: entry(true, 503, 1),
  // HTTP
  UNAUTHENTICATED: entry(false, 401, 2),
  FORBIDDEN: entry(false, 403, 2),
  IDENTITY_UNAVAILABLE: entry(true, 503, 1),
  TOKEN_NOT_FOUND: entry(false, 404, 2),
  ROUTE_NOT_FOUND: entry(false, 404, 2),
  METHOD_NOT_ALLOWED: entry(false, 405, 2),
  NOT_ACCEPTABLE: entry(false, 406, 2),
  PRECONDITION_FAILED: entry(false, 412, 2),
  RANGE_UNSATISFIABLE: entry(false, 416, 2),
  REQUEST_TOO_SLOW: entry(true, 408, 1),
  REQUEST_TOO_LARGE: entry(false, 413, 2),
  MEDIA_TYPE_UNSUPPORTED: entry(false, 415, 2),
  RATE_LIMITED: entry(true, 429, 1),
  TOO_MANY_STREAMS: entry(true, 429, 1),
  NOT_READY: entry(true, 503, 1),
  // A server, as the command line sees it
  SERVER_UNREACHABLE: entry(true, 503, 1),
  SERVER_NOT_UNDERSTOOD: entry(false, 502, 1),
  // Ours
  COMPUTE_OVER_TIME: entry(false, 504, 1),
  COMPUTE_OVER_MEMORY: entry(false, 507, 1),
  COMPUTE_ENDED: entry(true, 503, 1),
  DISK_FULL: entry(true, 507, 1),
  TOO_MANY_FILES: entry(true, 503, 1),
  STEP_ABORTED: entry(true, 499, 1),
  INTERNAL: entry(true, 500, 1),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** Plain JSON form of an error, the only form that enters a machine context or a document. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/**
 * An error with a code from the catalogue. `message` is one plain sentence: what is wrong, what to
 * do.
 */
export class HaystackError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HaystackError";
    this.code = code;
    this.details = options.details;
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable;
  }

  get exitCode(): 1 | 2 {
    return ERROR_CATALOGUE[this.code].exitCode;
  }

  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, retryable: this.retryable };
  }
}

export const ERROR_TYPES = ["client", "server", "upstream"] as const;

/**
 * The one form in which an error is told as JSON: by HTTP, and by the command line under --json.
 */
export interface ErrorBody {
  readonly error: ErrorCode;
  /** Of the HTTP status that the code has: 4xx, 500, and what lies behind us. */
  readonly error_type: (typeof ERROR_TYPES)[number];
  readonly message: string;
  readonly details?: Record<string, unknown>;
  readonly run_id?: string;
}

const errorType = (status: number): ErrorBody["error_type"] =>
  status < 500 ? "client" : status === 500 ? "server" : "upstream";

export function errorBody(error: HaystackError): ErrorBody {
  const { run_id, ...details } = error.details ?? {};
  return {
    error: error.code,
    error_type: errorType(ERROR_CATALOGUE[error.code].httpStatus),
    message: error.message,
    ...(Object.keys(details).length === 0 ? {} : { details }),
    ...(typeof run_id === "string" ? { run_id } : {}),
  };
}

/**
 * Turns anything thrown (also an error that crossed a thread or process as plain properties) into a
 * catalogue error.
 */
export function toHaystackError(thrown: unknown): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  if (thrown instanceof Error) {
    const { code, details } = thrown as { code?: unknown; details?: Record<string, unknown> };
    if (thrown.name === "HaystackError" && typeof code === "string" && code in ERROR_CATALOGUE) {
      return new HaystackError(
        code as ErrorCode,
        thrown.message,
        details === undefined ? { cause: thrown } : { details, cause: thrown },
      );
    }
    if (thrown.name === "AbortError")
      return new HaystackError(
        "STEP_ABORTED",
        "The step was stopped before it finished; if this was not intended, retry the run.",
        {
          cause: thrown,
        },
      );
    return (
      machineFault(thrown) ?? new HaystackError("INTERNAL", internalText(thrown), { cause: thrown })
    );
  }
  return new HaystackError("INTERNAL", String(thrown));
}

/**
 * That the machine has run out of something, where that is why: DISK_FULL, TOO_MANY_FILES. `doing`
 * begins the sentence.
 */
export function machineFault(thrown: unknown, doing?: string): HaystackError | undefined {
  const what = ranOutOf(thrown);
  const subject = systemSubject(thrown);
  const failed =
    doing === undefined
      ? `${subject === undefined ? "A file that is needed" : subject} could not be used`
      : `${doing} failed`;
  if (what === undefined) return undefined;
  return what === "disk"
    ? new HaystackError("DISK_FULL", `${failed}: the disk is full; free some space.`, {
        cause: thrown,
      })
    : new HaystackError(
        "TOO_MANY_FILES",
        `${failed}: too many files are open; raise the limit of open files (ulimit -n).`,
        { cause: thrown },
      );
}

/** A fault of ours says what it is; of the operating system's word we say the meaning. */
function internalText(thrown: Error): string {
  const words = systemWords(thrown);
  if (words === undefined) return thrown.message || thrown.name;
  const subject = systemSubject(thrown);
  return `${subject === undefined ? "Something that is needed" : subject} could not be used (${words}); put that right and try again.`;
}

export const objectNotFound = (
  path: string,
  {
    advice = "restore it, or run again what makes it.",
    runId,
  }: { readonly advice?: string; readonly runId?: string } = {},
): HaystackError =>
  new HaystackError(
    "OBJECT_NOT_FOUND",
    `The object ${path} does not exist; ${advice}`,
    runId === undefined ? {} : { details: { run_id: runId } },
  );

/** What can be done about an atlas that is not there. */
const IMPORT = "import one with `haystack atlas import FILE`";

export const atlasNotFound = (dataset: string): HaystackError =>
  new HaystackError(
    "ATLAS_NOT_FOUND",
    `There is no atlas named ${dataset}; list the atlases with \`haystack atlas list\`, or ${IMPORT}.`,
  );

export const noAtlas = (): HaystackError =>
  new HaystackError(
    "ATLAS_NOT_FOUND",
    `No atlas has been imported yet; ${IMPORT}, or create one with \`haystack atlas simulate\`.`,
  );

/** `problems`: sentences without their full stops, each beginning with what it is about. */
export const configInvalid = (
  problems: readonly string[],
  options: { readonly cause?: unknown } = {},
): HaystackError =>
  new HaystackError(
    "CONFIG_INVALID",
    `The configuration cannot be used: ${problems.join("; ")}.`,
    options,
  );

/** An unknown run and another user's run look the same. */
export const runNotFound = (runId: string): HaystackError =>
  new HaystackError("RUN_NOT_FOUND", `There is no run ${runId}; list the runs to see their ids.`, {
    details: { run_id: runId },
  });

/** `problem` ends a sentence. */
export const recordRefused = (runId: string, problem: string): HaystackError =>
  new HaystackError(
    "RECORD_REFUSED",
    `The store refuses what run ${runId} has become (${problem}); an administrator can look at it with \`haystack quarantine export ${runId}\`.`,
    { details: { run_id: runId } },
  );

export const recordUnreadable = (runId: string, problem: string, cause?: unknown): HaystackError =>
  new HaystackError(
    "RECORD_UNREADABLE",
    `The record of run ${runId} cannot be read (${problem}); an administrator can look at it with \`haystack quarantine export ${runId}\`.`,
    { details: { run_id: runId }, cause },
  );
