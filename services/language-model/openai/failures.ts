import { APIError } from "openai";
import type { ChatCompletion } from "openai/resources/chat/completions";
import type { CreateEmbeddingResponse } from "openai/resources/embeddings";
import type { Response } from "openai/resources/responses/responses";
import { retryAfter } from "../../../retry-after.ts";
import { phrase } from "../../../system-words.ts";

const PASSING_STATUS = new Set([408, 409, 425, 429]);
/** Codes of status 429 that waiting does not change. */
const NO_CREDIT = new Set(["insufficient_quota", "billing_hard_limit_reached"]);
const REFUSALS = new Set(["content_filter", "content_policy_violation"]);
/** There is nothing at the address: no such model, or another API. */
const NOT_THERE = new Set([404, 405, 501]);

/** What was wrong with one attempt, and whether and when another may help. */
export interface Failure {
  readonly problem: string;
  readonly passing: boolean;
  readonly wait: number | null;
  readonly late?: true;
  /** The server has no such model or no such address. */
  readonly missing?: true;
  /** The server will not have the content, whoever asks. */
  readonly refused?: true;
}

/** Hides secrets in what a server says. */
export type Redact = (text: string) => string;

/** Another program answers, or another API: to ask again would bring the same. */
const foreign = (api: string): Failure => ({
  problem: `sent an answer that is not of the ${api}`,
  passing: false,
  wait: null,
});

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

export function failureOfEmbeddings(answer: CreateEmbeddingResponse): Failure | null {
  const { data } = isObject(answer) ? answer : { data: undefined };
  const isWhole =
    Array.isArray(data) && data.every((one: unknown) => isObject(one) && "embedding" in one);
  return isWhole ? null : foreign("Embeddings API");
}

export function failureOfChat(answer: ChatCompletion): Failure | null {
  const { choices } = isObject(answer) ? answer : { choices: undefined };
  const isWhole =
    Array.isArray(choices) &&
    isObject(choices[0]) &&
    isObject((choices[0] as { message?: unknown }).message);
  return isWhole ? null : foreign("Chat Completions API");
}

export const failureOfResponse =
  (redact: Redact) =>
  (response: Response): Failure | null => {
    if (!isObject(response) || !Array.isArray(response.output)) return foreign("Responses API");
    if (response.status !== "failed") return null;
    const code = codeOf(response.error?.code) ?? "unknown";
    return {
      problem: `failed with ${said(code, response.error?.message, redact)}`,
      passing: code === "server_error" || code === "rate_limit_exceeded",
      wait: null,
    };
  };

/** A code as the API writes it; anything else that stands in its place is not shown. */
const codeOf = (code: unknown): string | undefined =>
  typeof code === "string" && /^[\w.-]{1,64}$/.test(code) ? code : undefined;

/** Code and words of a server, bounded, without secrets. */
function said(code: string, message: unknown, redact: Redact): string {
  const words = typeof message === "string" && message.trim() !== "" ? phrase(redact(message)) : "";
  return redact([code, words].filter((part) => part !== "").join(": "));
}

/** Whatever has no status was cut off on the way: a dropped connection, half an answer. */
export function failureThrown(thrown: unknown, now: number, redact: Redact): Failure {
  // The client stumbles over an answer that is no object; whatever cannot be parsed is half of one.
  if (thrown instanceof TypeError && thrown.cause === undefined) return foreign("API");
  if (!(thrown instanceof APIError) || thrown.status === undefined)
    return {
      problem: "could not be reached, or its answer was cut off",
      passing: true,
      wait: null,
    };
  const status = thrown.status as number;
  const code = codeOf(thrown.code) ?? "";
  const passing = (PASSING_STATUS.has(status) || status >= 500) && !NO_CREDIT.has(code);
  const { message } = (isObject(thrown.error) ? thrown.error : {}) as {
    readonly message?: unknown;
  };
  const words = said(code, message, redact);
  return {
    ...(NOT_THERE.has(status) ? { missing: true as const } : {}),
    ...(REFUSALS.has(code) ? { refused: true as const } : {}),
    problem: `answered with status ${status}${words === "" ? "" : ` (${words})`}`,
    passing: passing && !NOT_THERE.has(status),
    wait: retryAfter(thrown.headers as Headers | undefined, now),
  };
}
