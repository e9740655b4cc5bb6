import { MongoError, MongoInvalidArgumentError, MongoServerError } from "mongodb";
import { HaystackError } from "../../../errors.ts";

/**
 * Server errors after which the same request may succeed, by code: host or network trouble (6, 7,
 * 89, 9001), time limit (50, 262), write concern (64, 79, 100), another primary or a shutdown (91,
 * 189, 10107, 11600, 11602, 13435, 13436), refused credentials (13, 18).
 */
const PASSING = new Set<unknown>([
  6, 7, 13, 18, 50, 64, 79, 89, 91, 100, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

const DUPLICATE_KEY = 11_000;

export const isDuplicateKey = (thrown: unknown): boolean =>
  thrown instanceof MongoServerError && thrown.code === DUPLICATE_KEY;

/** The driver wraps a lost connection during a bulk write in a server error without a code. */
const isRefusal = ({ code, errorLabels }: MongoServerError): boolean =>
  typeof code === "number" && !PASSING.has(code) && !errorLabels.includes("RetryableWriteError");

/** A write that ends in STORE_UNAVAILABLE may have happened: the caller reads the run again. */
export function toStoreError(thrown: unknown): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  if (!(thrown instanceof MongoError))
    return new HaystackError("INTERNAL", `The run store failed: ${String(thrown)}.`, {
      cause: thrown,
    });
  const problem = thrown.message.replace(/\.$/, "");
  if (
    thrown instanceof MongoInvalidArgumentError ||
    (thrown instanceof MongoServerError && isRefusal(thrown))
  )
    return new HaystackError("INTERNAL", `The run store rejected a request: ${problem}.`, {
      cause: thrown,
    });
  return new HaystackError(
    "STORE_UNAVAILABLE",
    `The MongoDB server cannot be used (${problem}); check that it is running and reachable.`,
    { cause: thrown },
  );
}
