import { setTimeout as pause } from "node:timers/promises";
import { HaystackError } from "../../../errors.ts";
import { phrase, systemWords } from "../../../system-words.ts";

export interface RetryPolicy {
  /** Calls altogether. */
  readonly attempts: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

export const USUAL_RETRY: RetryPolicy = { attempts: 7, firstMs: 250, longestMs: 16_000 };

/** What the network or the server may get over, thrown by our own code. */
export class Interrupted extends Error {}

const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_CODE =
  /^(E(CONN(RESET|REFUSED|ABORTED)|TIMEDOUT|PIPE|AI_AGAIN|NETDOWN|NETUNREACH|HOSTUNREACH|SOCKETTIMEDOUT)|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_\w+)$/;
const PASSING_MESSAGE =
  /socket hang up|premature close|fetch failed|network timeout|other side closed|^terminated$/i;

function chainOf(thrown: unknown): Error[] {
  const chain: Error[] = [];
  for (let error = thrown; error instanceof Error && chain.length < 5; error = error.cause)
    chain.push(error);
  return chain;
}

/** HTTP status of an error of the client, of its upload part, or of our own request. */
export function statusOf(thrown: unknown): number | undefined {
  for (const error of chainOf(thrown)) {
    const { code, status } = error as { code?: unknown; status?: unknown };
    for (const value of [status, code]) {
      const number = Number(value);
      if (Number.isInteger(number) && number >= 300 && number < 600) return number;
    }
  }
  return undefined;
}

function isPassing(thrown: unknown): boolean {
  if (thrown instanceof HaystackError) return false;
  const status = statusOf(thrown);
  if (status !== undefined) return PASSING_STATUS.has(status);
  return chainOf(thrown).some(
    (error) =>
      error instanceof Interrupted ||
      ("code" in error && typeof error.code === "string" && PASSING_CODE.test(error.code)) ||
      PASSING_MESSAGE.test(error.message),
  );
}

/**
 * Waits that double, each shortened by up to half at random, so that many clients do not come back
 * together.
 */
const waitBefore = (retry: number, { firstMs, longestMs }: RetryPolicy): number =>
  Math.min(longestMs, firstMs * 2 ** retry) * (1 - Math.random() / 2);

/**
 * Calls `work` until it succeeds, fails for good, or has failed `attempts` times in a row without
 * getting on. `work` is told the number of the call, and calls `gotOn` when it made progress.
 */
export async function retrying<Result>(
  policy: RetryPolicy,
  signal: AbortSignal,
  work: (call: number, gotOn: () => void) => Promise<Result>,
): Promise<Result> {
  let failures = 0;
  for (let call = 0; ; call++) {
    try {
      signal.throwIfAborted();
      return await work(call, () => {
        failures = 0;
      });
    } catch (thrown) {
      if (signal.aborted || !isPassing(thrown) || ++failures >= policy.attempts) throw thrown;
    }
    await pause(waitBefore(failures - 1, policy), undefined, { signal });
  }
}

/** Words of the server are told; those of its client are put in ours. */
function reasonOf(thrown: unknown, status: number | undefined): string {
  if (status !== undefined) return phrase(thrown instanceof Error ? thrown.message : "");
  const [deepest] = chainOf(thrown).filter((error) => error instanceof Interrupted);
  return systemWords(thrown) ?? deepest?.message ?? "it does not answer";
}

const FILE_SYSTEM_CODE =
  /^E(NOSPC|ACCES|PERM|ROFS|DQUOT|IO|MFILE|EXIST|ISDIR|NOTDIR|NOTEMPTY|NOENT)$/;

/**
 * The catalogue error for a failure while `doing` something ("Reading the object a/b") in the
 * bucket.
 */
export function objectsError(
  thrown: unknown,
  doing: string,
  bucket: string,
  signal?: AbortSignal,
): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  if (signal?.aborted === true)
    return new HaystackError("STEP_ABORTED", `${doing} was stopped before it finished.`, {
      cause: thrown,
    });
  const status = statusOf(thrown);
  const why = reasonOf(thrown, status);
  if (status === 400 && /requester pays/i.test(why))
    return new HaystackError(
      "CONFIG_INVALID",
      `${doing} failed: ${why}; set GCS_USER_PROJECT to the project that pays for the bucket ${bucket}.`,
      { cause: thrown },
    );
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const todo =
    status === 404
      ? `the bucket ${bucket} does not exist, or this account cannot see it; create it or correct its name`
      : status === 401 || status === 403
        ? `this account may not use the bucket ${bucket} (${why}); grant it roles/storage.objectUser on the bucket`
        : FILE_SYSTEM_CODE.test(code)
          ? `${why}; check the disk of the cache folder and its permissions`
          : `${why}; check the network and the status of Google Cloud`;
  return new HaystackError("OBJECTS_UNAVAILABLE", `${doing} failed: ${todo}.`, { cause: thrown });
}
