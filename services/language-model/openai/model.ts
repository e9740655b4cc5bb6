import OpenAI, { APIError } from "openai";
import { HaystackError } from "../../../errors.ts";
import { backoffMs, pause, stopped } from "../../http/backoff.ts";
import type { CallOptions, LanguageModel, ModelApi, ModelReply, ModelRequest } from "../index.ts";
import { chatBodyOf, chatReplyOf } from "./chat.ts";
import {
  type Failure,
  failureOfChat,
  failureOfEmbeddings,
  failureOfResponse,
  failureThrown,
} from "./failures.ts";
import { knownModels, retired } from "./known-models.ts";
import { bodyOf, replyOf } from "./messages.ts";
import type { OpenAIOptions } from "./options.ts";

const MAX_ATTEMPTS = 5;
/** A call that ran out of time may have been paid for. */
const MAX_TIMEOUTS = 2;
/** Longer waits are left to a later run. */
const LONGEST_WAIT_MS = 10 * 60_000;
/** Shorter ones nobody would see. */
const TOLD_WAIT_MS = 10_000;
const LONGEST_TIMER_MS = 2_147_483_647;
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
  /** There is another way where the server has no such API; the answer is then null. */
  readonly hasOther?: true;
}

/** The address of the API, and what is asked of every path below it (`?api-version=...`). */
function addressOf(baseURL: string): {
  readonly base: string;
  readonly query: Record<string, string>;
} {
  const url = new URL(baseURL);
  const query = Object.fromEntries(url.searchParams);
  url.search = "";
  return { base: url.href.replace(/\/$/, ""), query };
}

/**
 * The Responses API, stateless: nothing is stored there, every request carries the whole exchange.
 */
export function openaiModel(options: OpenAIOptions): LanguageModel {
  const { clock, price, embedding } = options;
  const { base, query } = addressOf(options.baseURL);
  const client = new OpenAI({
    apiKey: options.apiKey,
    baseURL: base,
    defaultQuery: query,
    maxRetries: 0,
    timeout: LONGEST_TIMER_MS,
    logLevel: "off",
    organization: null,
    project: null,
    webhookSecret: null,
    adminAPIKey: null,
  });

  const at = new URL(options.baseURL).host;
  const failed = (thrown: unknown): Failure => failureThrown(thrown, clock.now(), options.redact);
  const known = knownModels(client, at, failed);
  /** Found out by the first call or check. */
  let api: ModelApi = "Responses API";

  /** One attempt; the time limit is the clock's. */
  const attempt = async <Answer extends object>(
    { send, failureOf }: Call<Answer>,
    { key, timeout_ms: timeoutMs, signal }: CallOptions,
  ): Promise<{ readonly answer: Answer } | Failure> => {
    const timeout = new AbortController();
    const forget = clock.after(timeoutMs, () => timeout.abort());
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
      return failed(thrown);
    } finally {
      forget();
    }
  };

  const answeredIfThere = async <Answer extends object>(
    call: Call<Answer>,
    given: CallOptions,
  ): Promise<Answer | null> => {
    let timeouts = 0;
    for (let attempts = 1; ; attempts++) {
      if (given.signal.aborted) throw stopped();
      const outcome = await attempt(call, given);
      if ("answer" in outcome) return outcome.answer;
      if (outcome.missing === true) {
        if (!(await known.mayHave(call.model, given.signal)))
          throw retired(call.model, at, call.variable);
        if (call.hasOther === true) return null;
      }
      if (outcome.refused === true)
        throw new HaystackError(
          "MODEL_REFUSED",
          `The language model ${call.model} ${outcome.problem}; reword the question.`,
        );
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
      await told(
        wait,
        `The language model ${call.model} ${outcome.problem}.`,
        pause(clock, wait, given.signal),
        given,
      );
    }
  };

  const told = async (
    wait: number,
    reason: string,
    waited: Promise<void>,
    { onWait }: CallOptions,
  ): Promise<void> => {
    if (wait < TOLD_WAIT_MS || onWait === undefined) return waited;
    onWait({ reason, until: clock.now() + wait });
    try {
      await waited;
    } finally {
      onWait(null);
    }
  };

  const answered = async <Answer extends object>(
    call: Omit<Call<Answer>, "hasOther">,
    given: CallOptions,
  ): Promise<Answer> => {
    const answer = await answeredIfThere(call, given);
    if (answer === null) throw new TypeError("a call without another way was given up");
    return answer;
  };

  const byResponses = async (request: ModelRequest, given: CallOptions): Promise<ModelReply> => {
    const body = bodyOf(request, options);
    const response = await answeredIfThere(
      {
        model: options.model,
        variable: "OPENAI_MODEL",
        send: (sent) => client.responses.create(body, sent),
        failureOf: failureOfResponse(options.redact),
        hasOther: true,
      },
      given,
    );
    if (response !== null) return replyOf(response, body, price);
    api = "Chat Completions API";
    return byChat(request, given);
  };

  const byChat = async (request: ModelRequest, given: CallOptions): Promise<ModelReply> => {
    const body = chatBodyOf(request, options);
    const answer = await answered(
      {
        model: options.model,
        variable: "OPENAI_MODEL",
        send: (sent) => client.chat.completions.create(body, sent),
        failureOf: failureOfChat,
      },
      given,
    );
    return chatReplyOf(answer, body, price);
  };

  /** Whether there is an API at the path: an empty request is refused by one, and costs nothing. */
  const isThere = async (path: string, signal: AbortSignal): Promise<boolean> => {
    try {
      await client.post(path, { body: {}, signal });
      return true;
    } catch (thrown) {
      return !(thrown instanceof APIError && failed(thrown).missing === true);
    }
  };

  return {
    name: options.model,
    price,
    async check(signal) {
      const first = await known.lifetime("OPENAI_MODEL", options.model, signal);
      const models =
        embedding === null
          ? [first]
          : [first, await known.lifetime("OPENAI_EMBEDDING_MODEL", embedding.model, signal)];
      if (await isThere("/responses", signal)) return { models, api: "Responses API" };
      if (await isThere("/chat/completions", signal))
        return { models, api: "Chat Completions API" };
      throw new HaystackError(
        "MODEL_UNAVAILABLE",
        `The server ${at} has neither the Responses API nor chat completions; check OPENAI_BASE_URL.`,
      );
    },
    complete: (request, given) =>
      api === "Responses API" ? byResponses(request, given) : byChat(request, given),
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
