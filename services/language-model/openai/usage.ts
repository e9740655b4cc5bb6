import type { ModelPrice, ModelUsage } from "../index.ts";

/** English and JSON have more characters a token: an estimate on the safe side. */
const CHARACTERS_A_TOKEN = 3;

/** What an exchange was, for servers that do not count its tokens. */
export interface Exchange {
  readonly sent: unknown;
  readonly received: unknown;
}

type Counts = Readonly<Record<string, unknown>>;

/** Some servers write numbers as text. */
function count(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : null;
}

const within = (value: unknown): Counts =>
  typeof value === "object" && value !== null ? (value as Counts) : {};

const estimate = (value: unknown): number =>
  Math.ceil((JSON.stringify(value) ?? "").length / CHARACTERS_A_TOKEN);

/**
 * Tokens and US dollars of a call, from the counts of the Responses API or of chat completions.
 * Where the server counts none, both are estimated from what was sent and received: a limit must not
 * depend on the server's good will.
 */
export function usageOf(usage: unknown, exchange: Exchange, price: ModelPrice): ModelUsage {
  const told = within(usage);
  const details = within(told["input_tokens_details"] ?? told["prompt_tokens_details"]);
  const input =
    count(told["input_tokens"]) ?? count(told["prompt_tokens"]) ?? estimate(exchange.sent);
  const output =
    count(told["output_tokens"]) ?? count(told["completion_tokens"]) ?? estimate(exchange.received);
  const cached = Math.min(input, count(details["cached_tokens"]) ?? 0);
  const written = Math.min(input - cached, count(details["cache_write_tokens"]) ?? 0);
  return {
    tokens: input + output,
    usd:
      ((input - cached - written) * price.input +
        cached * price.cached_input +
        written * price.cache_write +
        output * price.output) /
      1_000_000,
  };
}
