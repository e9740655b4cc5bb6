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
