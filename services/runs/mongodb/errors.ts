import {
  MongoError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from "mongodb";
import { HaystackError } from "../../../errors.ts";
import { phrase, systemWords } from "../../../system-words.ts";

/**
 * Server errors after which the same request may succeed, by code (error_codes.yml of the server):
 * they are about the server and not about what is written, so that nothing may be set aside for
 * them.
 */
const PASSING = new Set<unknown>(
  [
    [6, 7, 89, 202, 9001], // host or network
    [24, 46, 50, 112, 150, 234, 262, 13388], // time limits, locks, routing
    [64, 79, 100], // write concern
    [91, 133, 189, 10107, 11600, 11601, 11602, 13435, 13436], // another primary, a shutdown
    [13, 18], // refused credentials
    [371, 8000, 14031], // a full disk or a quota: UserWritesBlocked, AtlasError, OutOfDiskSpace
    [146, 264, 433, 449, 450, 462, 473], // no memory or files, overload
  ].flat(),
);

const DUPLICATE_KEY = 11_000;

export const isDuplicateKey = (thrown: unknown): boolean =>
  thrown instanceof MongoServerError && thrown.code === DUPLICATE_KEY;

/** The driver wraps a lost connection during a bulk write in a server error without a code. */
const isRefusal = ({ code, errorLabels }: MongoServerError): boolean =>
  typeof code === "number" && !PASSING.has(code) && !errorLabels.includes("RetryableWriteError");

/** The server takes writes, and not this one. */
export const isRefusedWrite = (thrown: unknown): boolean =>
  thrown instanceof MongoServerError
    ? isRefusal(thrown)
    : thrown instanceof MongoInvalidArgumentError;

const TOO_LARGE = new Set<unknown>([10_334, 17_419, 17_420, 17_280]);

/** Why, as the end of a sentence. */
export const refusedBecause = (thrown: unknown): string => {
  const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown };
  return TOO_LARGE.has(code) || /larger than|too large|exceed/i.test(String(message))
    ? "it is larger than the store takes"
    : "a field of it has a form that cannot be written to";
};

/** Words of the server are told; those of the driver are put in ours. */
function reasonOf(thrown: MongoError): string {
  const words = systemWords(thrown);
  if (words !== undefined) return words;
  if (thrown instanceof MongoServerError) return phrase(thrown.message);
  if (thrown instanceof MongoServerSelectionError) return "no server that takes writes answers";
  if (thrown instanceof MongoNetworkTimeoutError) return "it does not answer in time";
  if (thrown instanceof MongoNetworkError) return "the connection broke";
  return "the driver gave the request up";
}

/** A write that ends in STORE_UNAVAILABLE may have happened: the caller reads the run again. */
export function toStoreError(thrown: unknown): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  if (thrown instanceof MongoServerError && isRefusal(thrown))
    return new HaystackError(
      "INTERNAL",
      `The MongoDB server refused a request: ${phrase(thrown.message)}.`,
      { cause: thrown },
    );
  if (isLookUp(thrown))
    return unavailable(thrown, systemWords(thrown) ?? "its name cannot be looked up");
  if (!(thrown instanceof MongoError) || thrown instanceof MongoInvalidArgumentError)
    return new HaystackError(
      "INTERNAL",
      "A request to MongoDB could not be made; this is a fault of ours, which the log tells more of.",
      { cause: thrown },
    );
  return unavailable(thrown, reasonOf(thrown));
}

/** The driver hands on what looking up a name or a list of servers (SRV, TXT) ended in. */
const isLookUp = (thrown: unknown): boolean =>
  /^(?:query|getaddrinfo)/.test(String((thrown as { readonly syscall?: unknown } | null)?.syscall));

const unavailable = (cause: unknown, why: string): HaystackError =>
  new HaystackError(
    "STORE_UNAVAILABLE",
    `The MongoDB server cannot be used (${why}); check MONGODB_URI, and that the server is running and reachable.`,
    { cause },
  );
