import { type ErrorCode, HaystackError } from "../../../errors.ts";
import { type GrpcFailure, grpcFailure } from "../../http/grpc-reason.ts";

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

const REFUSALS = { late: "BATCH_UNAVAILABLE", refused: "BATCH_REFUSED" } as const;

const refusalOf = ({ code, credentials }: GrpcFailure): Refusal =>
  credentials === undefined ? (CODES[code ?? 0] ?? "BATCH_UNAVAILABLE") : REFUSALS[credentials];

/**
 * What the client threw, in our words: BATCH_UNAVAILABLE, BATCH_QUOTA or BATCH_REFUSED; our own
 * errors pass.
 */
export function batchError(thrown: unknown): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  const failure = grpcFailure(thrown);
  const code = refusalOf(failure);
  return new HaystackError(code, SENTENCES[code](failure.reason), { cause: thrown });
}
