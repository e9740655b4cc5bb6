import { phrase, systemWordsIn } from "../../system-words.ts";

/** gRPC status numbers that are told apart. */
export const GRPC = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

const CREDENTIALS = /Getting metadata from plugin failed/;
/** A token that could not be had just now, as opposed to credentials that are wrong. */
const TOKEN_LATE =
  /Getting metadata from plugin failed(?!.*(invalid_grant|unauthorized_client|credentials))/s;
const NO_CREDENTIALS =
  /credentials|keyfile|key file|private key|invalid_grant|universe domain|ENOENT/i;

export const grpcCode = (thrown: unknown): number | undefined => {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return typeof code === "number" ? code : undefined;
};

/** What the service said, or the client of it. */
function saidBy(thrown: unknown): string {
  const { details, message } = (thrown ?? {}) as { details?: unknown; message?: unknown };
  if (typeof details === "string" && details !== "") return details;
  const text = typeof message === "string" ? message : String(thrown);
  const retried = /retrying error (?:Error: )?(?:\d+ [A-Z_]+: )?(.+?)\s+before any response/s.exec(
    text,
  );
  return retried?.[1] ?? text;
}

export interface GrpcFailure {
  /** Undefined where the client came to no answer. */
  readonly code: number | undefined;
  /** Of the credentials: `late` when a token could not be had just now. */
  readonly credentials: "late" | "refused" | undefined;
  /** Words of the service are told; those of its client are put in ours. */
  readonly reason: string;
}

/** Of a call by one of Google's clients. */
export function grpcFailure(thrown: unknown): GrpcFailure {
  const code = grpcCode(thrown);
  const said = saidBy(thrown);
  if (TOKEN_LATE.test(said)) return { code, credentials: "late", reason: "no token could be had" };
  if (CREDENTIALS.test(said))
    return {
      code,
      credentials: "refused",
      reason: "the credentials of this machine are not accepted",
    };
  if (code === undefined && NO_CREDENTIALS.test(said))
    return {
      code,
      credentials: "refused",
      reason: "this machine has no credentials that can be used",
    };
  const isAnswer =
    code !== undefined && code !== GRPC.UNAVAILABLE && code !== GRPC.DEADLINE_EXCEEDED;
  return {
    code,
    credentials: undefined,
    reason: isAnswer ? phrase(said) : (systemWordsIn(said) ?? "it does not answer"),
  };
}
