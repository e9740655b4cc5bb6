import { type ErrorCode, HaystackError } from "../../../errors.ts";

/** gRPC status numbers. */
export const GRPC = {
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  FAILED_PRECONDITION: 9,
  INVALID_ARGUMENT: 3,
  UNAVAILABLE: 14,
} as const;

const LONGEST_REASON = 300;
/** A token that could not be had just now, as opposed to credentials that are wrong. */
const TOKEN_LATE =
  /Getting metadata from plugin failed(?!.*(invalid_grant|unauthorized_client|credentials))/s;
const NO_CREDENTIALS =
  /credentials|keyfile|key file|private key|invalid_grant|universe domain|ENOENT/i;

type Refusal = Extract<ErrorCode, "BATCH_UNAVAILABLE" | "BATCH_QUOTA" | "BATCH_REFUSED">;

const CODES: Readonly<Record<number, Refusal>> = {
  3: "BATCH_REFUSED", // INVALID_ARGUMENT
  5: "BATCH_REFUSED", // NOT_FOUND: of project or location; that of a job is no error
  7: "BATCH_REFUSED", // PERMISSION_DENIED
  8: "BATCH_QUOTA", // RESOURCE_EXHAUSTED
  9: "BATCH_REFUSED", // FAILED_PRECONDITION
  11: "BATCH_REFUSED", // OUT_OF_RANGE
  12: "BATCH_REFUSED", // UNIMPLEMENTED
  16: "BATCH_REFUSED", // UNAUTHENTICATED
};

const SENTENCES: Readonly<Record<Refusal, (reason: string) => string>> = {
  BATCH_UNAVAILABLE: (reason) =>
    `Google Batch cannot be reached: ${reason}; check the network and the status of Google Cloud.`,
  BATCH_QUOTA: (reason) =>
    `Google Batch has no quota left for this request: ${reason}; wait, or raise the quota.`,
  BATCH_REFUSED: (reason) =>
    `Google Batch refused the request: ${reason}; correct the BATCH_ variables or the permissions.`,
};

/** One line of somebody else's text, fit for the middle of a sentence. */
export function phrase(text: string): string {
  const line = text
    .trim()
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\. (?=\S)/g, "; ")
    .slice(0, LONGEST_REASON);
  return line.replace(/[.;:\s]+$/, "") || "no reason was given";
}

export const grpcCode = (thrown: unknown): number | undefined => {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return typeof code === "number" ? code : undefined;
};

function reasonOf(thrown: unknown): string {
  const { details, message } = (thrown ?? {}) as { details?: unknown; message?: unknown };
  if (typeof details === "string" && details !== "") return phrase(details);
  const text = typeof message === "string" ? message : String(thrown);
  const retried = /retrying error (?:Error: )?(?:\d+ [A-Z_]+: )?(.+?)\s+before any response/s.exec(
    text,
  );
  return phrase(retried?.[1] ?? text);
}

function codeOf(thrown: unknown, reason: string): Refusal {
  if (TOKEN_LATE.test(reason)) return "BATCH_UNAVAILABLE";
  const code = grpcCode(thrown);
  if (code !== undefined) return CODES[code] ?? "BATCH_UNAVAILABLE";
  return NO_CREDENTIALS.test(reason) ? "BATCH_REFUSED" : "BATCH_UNAVAILABLE";
}

/**
 * What the client threw, in our words: BATCH_UNAVAILABLE, BATCH_QUOTA or BATCH_REFUSED; our own
 * errors pass.
 */
export function batchError(thrown: unknown): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  const reason = reasonOf(thrown);
  const code = codeOf(thrown, reason);
  return new HaystackError(code, SENTENCES[code](reason), { cause: thrown });
}
