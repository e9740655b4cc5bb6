import { APIError } from "openai";
import type { CreateEmbeddingResponse } from "openai/resources/embeddings";
import type { Response } from "openai/resources/responses/responses";
import { retryAfter } from "../../../retry-after.ts";

const PASSING_STATUS = new Set([408, 409, 425, 429]);
/** Codes of status 429 that waiting does not change. */
const NO_CREDIT = new Set(["insufficient_quota", "billing_hard_limit_reached"]);

/** What was wrong with one attempt, and whether and when another may help. */
export interface Failure {
  readonly problem: string;
  readonly passing: boolean;
  readonly wait: number | null;
  readonly late?: true;
  /** The server has no such model or no such address. */
  readonly missing?: true;
}

export function failureOfEmbeddings({ data }: CreateEmbeddingResponse): Failure | null {
  const isWhole =
    Array.isArray(data) &&
    data.every((one: unknown) => typeof one === "object" && one !== null && "embedding" in one);
  return isWhole
    ? null
    : { problem: "sent an answer that is not of the Embeddings API", passing: true, wait: null };
}

export function failureOfResponse(response: Response): Failure | null {
  if (!Array.isArray(response.output))
    return {
      problem: "sent an answer that is not of the Responses API",
      passing: true,
      wait: null,
    };
  if (response.status !== "failed") return null;
  const code = response.error?.code ?? "unknown";
  return {
    problem: `failed with ${code}`,
    passing: code === "server_error" || code === "rate_limit_exceeded",
    wait: null,
  };
}

/** Whatever has no status was cut off on the way: a dropped connection, half an answer. */
export function failureThrown(thrown: unknown, now: number): Failure {
  if (!(thrown instanceof APIError) || thrown.status === undefined)
    return {
      problem: "could not be reached, or its answer was cut off",
      passing: true,
      wait: null,
    };
  const status = thrown.status as number;
  const code = thrown.code ?? "";
  const passing = (PASSING_STATUS.has(status) || status >= 500) && !NO_CREDIT.has(code);
  return {
    ...(status === 404 ? { missing: true as const } : {}),
    problem: `answered with status ${status}${code === "" ? "" : ` (${code})`}`,
    passing,
    wait: retryAfter(thrown.headers as Headers | undefined, now),
  };
}
