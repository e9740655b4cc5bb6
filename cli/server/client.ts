import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { HaystackError, type ErrorCode } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import { retryAfter } from "../../retry-after.ts";
import { systemWords } from "../../system-words.ts";
import type { ServerAddress } from "./address.ts";

/** One server's HTTP API: time limits, retries of what passes, and its errors as ours. */
export interface ServerClient {
  /** The address, for messages. */
  readonly url: string;
  /** Errors: those of the server, SERVER_UNREACHABLE, SERVER_NOT_UNDERSTOOD. */
  json<Answer>(request: JsonRequest<Answer>): Promise<Answer>;
  /**
   * One attempt at an answer whose body the caller reads. Errors as above, or the reason of
   * `signal`.
   */
  open(
    path: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<Response>;
}

export interface JsonRequest<Answer> {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly schema: z.ZodType<Answer>;
}

const API = "/api/v1";
const ANSWER_MS = 30_000;
const ATTEMPTS = 4;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;
/** A server may ask for a longer pause than our own. */
const LONGEST_WAIT_MS = 60_000;
const NO_CONTENT = 204;
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const errorSchema = z.object({
  error: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
  run_id: z.string().optional(),
});

/** An error that may pass by itself, and how long the server asks to wait. */
export class PassingTrouble extends Error {
  override readonly name = "PassingTrouble";
  readonly error: HaystackError;
  readonly waitMs: number | undefined;

  constructor(error: HaystackError, waitMs?: number) {
    super(error.message, { cause: error });
    this.error = error;
    this.waitMs = waitMs;
  }
}

export function backoffMs(failures: number, waitMs = 0): number {
  const own =
    Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1)) *
    (0.75 + Math.random() / 2);
  return Math.max(own, Math.min(waitMs, LONGEST_WAIT_MS));
}

/** Does the work again while its trouble may pass. */
export async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof PassingTrouble)) throw thrown;
      if (failures === ATTEMPTS) throw thrown.error;
      await pause(backoffMs(failures, thrown.waitMs));
    }
  }
}

interface Ask {
  readonly method?: string;
  readonly body?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export function serverClient({ url, token }: ServerAddress): ServerClient {
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };

  const ask = async (path: string, { headers, ...init }: Ask): Promise<Response> => {
    const response = await reaching(url, () =>
      fetch(`${url}${API}${path}`, {
        ...init,
        redirect: "manual",
        headers: { ...authorization, ...headers },
      }),
    );
    if (!response.ok) throw await refusalOf(url, response);
    return response;
  };

  return {
    url,
    open: (path, { headers = {}, signal }) => ask(path, { signal, headers }),
    json: ({ method = "GET", path, body, headers = {}, schema }) =>
      patiently(async () => {
        const signal = AbortSignal.timeout(ANSWER_MS);
        const content = body === undefined ? {} : { body: JSON.stringify(body) };
        const type: Record<string, string> =
          body === undefined ? {} : { "content-type": "application/json" };
        const response = await ask(path, {
          method,
          signal,
          ...content,
          headers: { accept: "application/json", ...type, ...headers },
        });
        const text = await reaching(url, () => response.text());
        return understood(url, schema, response.status === NO_CONTENT ? "null" : text);
      }),
  };
}

/** What fails on the way to or from the server may pass. */
export async function reaching<Result>(url: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw unreachable(url, thrown);
  }
}

export function unreachable(url: string, thrown: unknown): PassingTrouble {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const why =
    cause instanceof DOMException
      ? "it does not answer"
      : String(systemWords(cause) ?? (typeof code === "string" ? code : message));
  return new PassingTrouble(
    new HaystackError(
      "SERVER_UNREACHABLE",
      `The server at ${url} cannot be reached (${why}); check the address, the network and the daemon there.`,
      { cause: thrown },
    ),
  );
}

export function understood<Answer>(url: string, schema: z.ZodType<Answer>, text: string): Answer {
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw notUnderstood(url, parsed.error);
}

export const notUnderstood = (url: string, cause?: unknown): HaystackError =>
  new HaystackError(
    "SERVER_NOT_UNDERSTOOD",
    `The server at ${url} gave an answer that this release does not understand; check the address, and use the same release on both sides.`,
    { cause },
  );

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by the schema
  }
}

/** The error that the server tells of, or one about a server that is none of ours. */
async function refusalOf(url: string, response: Response): Promise<HaystackError | PassingTrouble> {
  const told = errorSchema.safeParse(jsonOf(await reaching(url, () => response.text())));
  const error = told.success ? errorOf(told.data) : strange(url, response);
  if (!PASSING.has(response.status)) return error;
  return new PassingTrouble(error, retryAfter(response.headers, Date.now()) ?? 0);
}

function errorOf({ error, message, details, run_id }: z.infer<typeof errorSchema>): HaystackError {
  const all = { ...details, ...(run_id === undefined ? {} : { run_id }) };
  const code = error in ERROR_CATALOGUE ? (error as ErrorCode) : "SERVER_NOT_UNDERSTOOD";
  return new HaystackError(code, message, Object.keys(all).length === 0 ? {} : { details: all });
}

function strange(url: string, { status, headers }: Response): HaystackError {
  if (PASSING.has(status))
    return new HaystackError(
      "SERVER_UNREACHABLE",
      `The proxy at ${url} has no daemon behind it (HTTP status ${status}); check the daemon there.`,
    );
  const location = headers.get("location");
  if (location !== null)
    return new HaystackError(
      "SERVER_NOT_UNDERSTOOD",
      `The server at ${url} redirects to ${URL.parse(location, url)?.origin ?? location}; use that address, or the token that a proxy there requires.`,
    );
  return new HaystackError(
    "SERVER_NOT_UNDERSTOOD",
    `The server at ${url} is not a HAYSTACK server (HTTP status ${status}); check the address.`,
  );
}
