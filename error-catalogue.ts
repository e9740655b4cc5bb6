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
