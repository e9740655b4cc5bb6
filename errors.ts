import { ERROR_CATALOGUE } from "./error-catalogue.ts";
import { ranOutOf, systemSubject, systemWords } from "./system-words.ts";

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
