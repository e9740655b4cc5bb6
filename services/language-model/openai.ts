import OpenAI, { APIError } from "openai";
import type { CreateEmbeddingResponse } from "openai/resources/embeddings";
import type {
  Response,
  ResponseCreateParamsNonStreaming,
  ResponseInputItem,
  ResponseOutputItem,
} from "openai/resources/responses/responses";
import { HaystackError } from "../../errors.ts";
import type { Clock } from "../clock/index.ts";
import { retryAfter } from "../../retry-after.ts";
import { backoffMs, pause, stopped } from "../http/backoff.ts";
import type {
  CallOptions,
  LanguageModel,
  ModelItem,
  ModelPrice,
  ModelReply,
  ModelRequest,
} from "./index.ts";

export interface OpenAIOptions {
  readonly apiKey: string;
  /**
   * With the version, e.g. "https://api.openai.com/v1"; any server that speaks the Responses API.
   */
  readonly baseURL: string;
  readonly model: string;
  /** Null for models that do not reason. */
  readonly effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
  /** Null where the model takes none, as reasoning models. */
  readonly temperature: number | null;
  readonly price: ModelPrice;
  /** Null: no embeddings. `price`: US dollars for a million tokens. */
  readonly embedding: { readonly model: string; readonly price: number } | null;
  readonly clock: Clock;
  readonly random: () => number;
}

const MAX_ATTEMPTS = 5;
/** A call that ran out of time may have been paid for. */
const MAX_TIMEOUTS = 2;
/** Longer waits are left to a later run. */
const LONGEST_WAIT_MS = 10 * 60_000;
const LONGEST_TIMER_MS = 2_147_483_647;
const PASSING_STATUS = new Set([408, 409, 425, 429]);
/** Codes of status 429 that waiting does not change. */
const NO_CREDIT = new Set(["insufficient_quota", "billing_hard_limit_reached"]);

interface Failure {
  readonly problem: string;
  readonly passing: boolean;
  readonly wait: number | null;
  readonly late?: true;
}

/** One kind of call: how an attempt is made, and what is wrong with an answer. */
interface Call<Answer> {
  readonly model: string;
  /** The variable that names the model. */
  readonly variable: string;
  send(request: {
    readonly signal: AbortSignal;
    readonly headers: Readonly<Record<string, string>>;
  }): Promise<Answer>;
  failureOf(answer: Answer): Failure | null;
}

/**
 * The Responses API, stateless: nothing is stored there, every request carries the whole exchange.
 */
export function openaiModel(options: OpenAIOptions): LanguageModel {
  const { clock, price, embedding } = options;
  const client = new OpenAI({
    apiKey: options.apiKey,
    baseURL: options.baseURL,
    maxRetries: 0,
    timeout: LONGEST_TIMER_MS,
    logLevel: "off",
    organization: null,
    project: null,
    webhookSecret: null,
    adminAPIKey: null,
  });

  /** One attempt; the time limit is the clock's. */
  const attempt = async <Answer extends object>(
    { send, failureOf }: Call<Answer>,
    { key, timeout_ms: timeoutMs, signal }: CallOptions,
  ): Promise<{ readonly answer: Answer } | Failure> => {
    const timeout = new AbortController();
    const forget = clock.at(clock.now() + timeoutMs, () => timeout.abort());
    try {
      const answer = await send({
        signal: AbortSignal.any([signal, timeout.signal]),
        headers: { "Idempotency-Key": key },
      });
      return failureOf(answer) ?? { answer };
    } catch (thrown) {
      if (signal.aborted) throw stopped();
      if (timeout.signal.aborted)
        return {
          problem: `gave no answer within ${timeoutMs / 1_000} s`,
          passing: true,
          wait: null,
          late: true,
        };
      return failureThrown(thrown, clock.now());
    } finally {
      forget();
    }
  };

  const answered = async <Answer extends object>(
    call: Call<Answer>,
    given: CallOptions,
  ): Promise<Answer> => {
    let timeouts = 0;
    for (let attempts = 1; ; attempts++) {
      if (given.signal.aborted) throw stopped();
      const outcome = await attempt(call, given);
      if ("answer" in outcome) return outcome.answer;
      if (outcome.late === true) timeouts++;
      const wait = outcome.wait ?? backoffMs(attempts, options.random());
      if (
        !outcome.passing ||
        attempts === MAX_ATTEMPTS ||
        timeouts === MAX_TIMEOUTS ||
        wait > LONGEST_WAIT_MS
      ) {
        const advice = outcome.passing
          ? "try again later"
          : `check OPENAI_API_KEY, OPENAI_BASE_URL, ${call.variable} and the account`;
        throw new HaystackError(
          "MODEL_UNAVAILABLE",
          `The language model ${call.model} ${outcome.problem} (attempt ${attempts}); ${advice}.`,
        );
      }
      await pause(clock, wait, given.signal);
    }
  };

  const known = async (variable: string, model: string, signal: AbortSignal): Promise<void> => {
    try {
      await client.models.retrieve(model, { signal });
    } catch (thrown) {
      const problem =
        thrown instanceof APIError && thrown.status === 404
          ? "is not known to the server"
          : failureThrown(thrown, clock.now()).problem;
      throw new HaystackError(
        "MODEL_UNAVAILABLE",
        `The language model ${model} ${problem}; check OPENAI_API_KEY, OPENAI_BASE_URL and ${variable}.`,
        { cause: thrown },
      );
    }
  };

  return {
    name: options.model,
    price,
    async check(signal) {
      await known("OPENAI_MODEL", options.model, signal);
      if (embedding !== null) await known("OPENAI_EMBEDDING_MODEL", embedding.model, signal);
    },
    async complete(request, given) {
      const body = bodyOf(request, options);
      return replyOf(
        await answered(
          {
            model: options.model,
            variable: "OPENAI_MODEL",
            send: (sent) => client.responses.create(body, sent),
            failureOf: failureOfResponse,
          },
          given,
        ),
        price,
      );
    },
    ...(embedding === null
      ? {}
      : {
          embedding: {
            name: embedding.model,
            price: embedding.price,
            async embed(texts, given) {
              const body = {
                model: embedding.model,
                input: [...texts],
                encoding_format: "float" as const,
              };
              const { data, usage } = await answered(
                {
                  model: embedding.model,
                  variable: "OPENAI_EMBEDDING_MODEL",
                  send: (sent) => client.embeddings.create(body, sent),
                  failureOf: failureOfEmbeddings,
                },
                given,
              );
              const tokens = (usage as typeof usage | undefined)?.total_tokens ?? 0;
              return {
                vectors: data.toSorted((x, y) => x.index - y.index).map((one) => one.embedding),
                usage: { tokens, usd: (tokens * embedding.price) / 1_000_000 },
              };
            },
          },
        }),
  };
}

function bodyOf(
  { instructions, items, tools, may_use_tools, answer, max_output_tokens }: ModelRequest,
  { model, effort, temperature }: OpenAIOptions,
): ResponseCreateParamsNonStreaming {
  return {
    model,
    instructions,
    input: items.map(inputOf),
    text: {
      format: { type: "json_schema", name: answer.name, schema: answer.schema, strict: true },
    },
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, parameters }) => ({
            type: "function" as const,
            name,
            description,
            parameters,
            strict: true,
          })),
          tool_choice: may_use_tools ? ("auto" as const) : ("none" as const),
        }),
    ...(effort === null ? {} : { reasoning: { effort }, include: ["reasoning.encrypted_content"] }),
    ...(temperature === null ? {} : { temperature }),
    max_output_tokens,
    store: false,
  };
}

function inputOf(item: ModelItem): ResponseInputItem {
  switch (item.type) {
    case "data":
      return { role: "user", content: item.text };
    case "answer":
      return { role: "assistant", content: item.text };
    case "tool_call":
      return {
        type: "function_call",
        call_id: item.call_id,
        name: item.name,
        arguments: item.arguments,
      };
    case "tool_result":
      return { type: "function_call_output", call_id: item.call_id, output: item.output };
    default:
      return item.value as ResponseInputItem;
  }
}

/** Reasoning can be handed back only in its encrypted form, as nothing is stored. */
function itemOf(item: ResponseOutputItem): ModelItem[] {
  if (item.type === "function_call")
    return [
      { type: "tool_call", call_id: item.call_id, name: item.name, arguments: item.arguments },
    ];
  if (item.type === "reasoning")
    return item.encrypted_content == null ? [] : [{ type: "kept", value: item }];
  if (item.type !== "message") return [];
  const text = item.content
    .map((part) => (part.type === "refusal" ? part.refusal : part.text))
    .join("");
  return [{ type: "answer", text }];
}

function replyOf(response: Response, price: ModelPrice): ModelReply {
  const items = response.output.flatMap(itemOf);
  const refused =
    response.output.some(
      (item) => item.type === "message" && item.content.some(({ type }) => type === "refusal"),
    ) || response.incomplete_details?.reason === "content_filter";
  const called = items.some(({ type }) => type === "tool_call");
  const end = refused
    ? "refused"
    : response.status === "incomplete"
      ? "cut_off"
      : called
        ? "tool_calls"
        : "answered";
  const input = response.usage?.input_tokens ?? 0;
  const cached = response.usage?.input_tokens_details?.cached_tokens ?? 0;
  const output = response.usage?.output_tokens ?? 0;
  return {
    items,
    end,
    text: items.flatMap((item) => (item.type === "answer" ? [item.text] : [])).join(""),
    usage: {
      tokens: input + output,
      usd:
        ((input - cached) * price.input + cached * price.cached_input + output * price.output) /
        1_000_000,
    },
  };
}

function failureOfEmbeddings({ data }: CreateEmbeddingResponse): Failure | null {
  const isWhole =
    Array.isArray(data) &&
    data.every((one: unknown) => typeof one === "object" && one !== null && "embedding" in one);
  return isWhole
    ? null
    : { problem: "sent an answer that is not of the Embeddings API", passing: true, wait: null };
}

function failureOfResponse(response: Response): Failure | null {
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
function failureThrown(thrown: unknown, now: number): Failure {
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
    problem: `answered with status ${status}${code === "" ? "" : ` (${code})`}`,
    passing,
    wait: retryAfter(thrown.headers as Headers | undefined, now),
  };
}
