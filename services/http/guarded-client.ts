import { setTimeout as pause } from "node:timers/promises";
import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  DelegateBackoff,
  TaskCancelledError,
  TimeoutStrategy,
  circuitBreaker,
  handleWhen,
  retry,
  timeout,
  wrap,
} from "cockatiel";
import pThrottle from "p-throttle";
import type { z } from "zod";
import { retryAfter } from "../../retry-after.ts";
import { systemWords } from "../../system-words.ts";
import type { AnswerCache } from "./answer-cache.ts";
import type { Pace } from "./shared-pace.ts";

/**
 * One client for a public look-up service: rate-limited, cached, retried with backoff (Retry-After
 * is honoured), each attempt with a time limit, and left alone for a while after failing again and
 * again.
 */

export interface GuardedClientOptions {
  /** Name in messages, e.g. "PubMed". */
  readonly service: string;
  /** Of this process, or what all processes of this machine keep together. */
  readonly rate: number | Pace;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly firstBackoffMs: number;
  /** Failed requests in a row that open the circuit, and how long it then stays open. */
  readonly failuresToOpen: number;
  readonly openMs: number;
  readonly cache: AnswerCache;
}

export interface GuardedRequest<Body> {
  readonly url: URL;
  /** Parameters sent but neither cached nor shown, e.g. an API key. */
  readonly secret: Readonly<Record<string, string>>;
  readonly schema: z.ZodType<Body>;
}

export interface GuardedTextRequest<Body> extends GuardedRequest<Body> {
  /**
   * What is kept of an answer, as JSON data that `schema` accepts; undefined when it cannot be
   * read.
   */
  readonly read: (text: string) => Body | undefined;
}

/** Both throw ServiceTrouble; or the reason of `signal` when it aborts. */
export interface GuardedClient {
  getJson<Body>(request: GuardedRequest<Body>, signal?: AbortSignal): Promise<Body>;
  getText<Body>(request: GuardedTextRequest<Body>, signal?: AbortSignal): Promise<Body>;
}

interface Form {
  /** Media type. */
  readonly accept: string;
  readonly read: (text: string) => unknown;
}

/** The service could not be used. `message` says how, without address or secrets. */
export class ServiceTrouble extends Error {
  override readonly name = "ServiceTrouble";
  readonly passing: boolean;
  readonly retryAfterMs: number | null;

  constructor(
    message: string,
    {
      passing,
      retryAfterMs = null,
      cause,
    }: { passing: boolean; retryAfterMs?: number | null; cause?: unknown },
  ) {
    super(message, { cause });
    this.passing = passing;
    this.retryAfterMs = retryAfterMs;
  }
}

const LONGEST_WAIT_MS = 30_000;

export function guardedClient(options: GuardedClientOptions): GuardedClient {
  const { service, cache } = options;
  const backoff = new DelegateBackoff<{ readonly attempt: number; readonly result: unknown }>(
    ({ attempt, result }) => {
      const { error } = result as { readonly error?: unknown };
      const asked = error instanceof ServiceTrouble ? error.retryAfterMs : null;
      return Math.min(LONGEST_WAIT_MS, asked ?? options.firstBackoffMs * 2 ** (attempt - 1));
    },
  );
  const breaker = circuitBreaker(
    handleWhen((thrown) => !isAbort(thrown)),
    { halfOpenAfter: options.openMs, breaker: new ConsecutiveBreaker(options.failuresToOpen) },
  );
  const retries = retry(
    handleWhen(
      (thrown) =>
        (thrown instanceof ServiceTrouble && thrown.passing) ||
        thrown instanceof TaskCancelledError,
    ),
    { maxAttempts: options.attempts - 1, backoff },
  );
  const guarded = wrap(breaker, retries);
  const timeLimit = timeout(options.timeoutMs, TimeoutStrategy.Aggressive);
  const inTurn = turns(options);

  async function ask<Body>(
    { url, secret, schema }: GuardedRequest<Body>,
    { accept, read }: Form,
    signal: AbortSignal,
  ): Promise<Body> {
    const full = new URL(url);
    for (const [name, value] of Object.entries(secret)) full.searchParams.set(name, value);
    let response: Response;
    let text: string;
    try {
      response = await fetch(full, { signal, headers: { accept } });
      text = await response.text();
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw new ServiceTrouble(`${service} cannot be reached`, { passing: true, cause });
    }
    if (!response.ok) {
      const passing = response.status === 429 || response.status >= 500;
      throw new ServiceTrouble(`${service} answered with HTTP status ${response.status}`, {
        passing,
        retryAfterMs: retryAfter(response.headers, Date.now()),
      });
    }
    const parsed = schema.safeParse(read(text));
    if (!parsed.success)
      throw new ServiceTrouble(`${service} gave an answer that cannot be read`, {
        passing: true,
        cause: parsed.error,
      });
    return parsed.data;
  }

  async function get<Body>(
    request: GuardedRequest<Body>,
    form: Form,
    signal?: AbortSignal,
  ): Promise<Body> {
    signal?.throwIfAborted();
    const known = request.schema.safeParse(await cache.read(request.url.href));
    if (known.success) return known.data;
    try {
      const body = await guarded.execute(
        ({ signal: whole }) =>
          inTurn(
            () => timeLimit.execute(({ signal: stop }) => ask(request, form, stop), whole),
            whole,
          ),
        signal,
      );
      await cache.write(request.url.href, body);
      return body;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (thrown instanceof ServiceTrouble) throw thrown;
      if (thrown instanceof BrokenCircuitError)
        throw new ServiceTrouble(
          `${service} failed several times in a row and is not asked for a while`,
          { passing: true, cause: thrown },
        );
      if (thrown instanceof TaskCancelledError)
        throw new ServiceTrouble(
          `${service} did not answer within ${options.timeoutMs / 1_000} s`,
          { passing: true, cause: thrown },
        );
      throw thrown;
    }
  }

  return {
    getJson: (request, signal) =>
      get(request, { accept: "application/json", read: asJson }, signal),
    getText: (request, signal) =>
      get(request, { accept: "text/plain", read: request.read }, signal),
  };
}

/** Each request in its turn. */
function turns({
  service,
  rate,
}: GuardedClientOptions): <Answer>(
  send: () => Promise<Answer>,
  signal: AbortSignal,
) => Promise<Answer> {
  if (typeof rate === "number") {
    const throttled = pThrottle({ limit: rate, interval: 1_000, strict: true })(
      (send: () => Promise<unknown>) => send(),
    );
    return async <Answer>(send: () => Promise<Answer>) => (await throttled(send)) as Answer;
  }
  return async (send, signal) => {
    let wait: number;
    try {
      wait = rate.next();
    } catch (cause) {
      const why = systemWords(cause) ?? "its file cannot be used";
      throw new ServiceTrouble(`${service} was not asked, as its rate could not be kept: ${why}`, {
        passing: true,
        cause,
      });
    }
    if (wait > 0) await pause(wait, undefined, { signal });
    return send();
  };
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
