import OpenAI from "openai";
import { HaystackError } from "../../../errors.ts";
import { backoffMs, pause, stopped } from "../../http/backoff.ts";
import type { CallOptions, LanguageModel } from "../index.ts";
import { failureOfEmbeddings, failureOfResponse, failureThrown, type Failure } from "./failures.ts";
import { knownModels, retired } from "./known-models.ts";
import { bodyOf, replyOf } from "./messages.ts";
import type { OpenAIOptions } from "./options.ts";

const MAX_ATTEMPTS = 5;
/** A call that ran out of time may have been paid for. */
const MAX_TIMEOUTS = 2;
/** Longer waits are left to a later run. */
const LONGEST_WAIT_MS = 10 * 60_000;
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

  const at = new URL(options.baseURL).host;
  const known = knownModels(client, at, (thrown) => failureThrown(thrown, clock.now()));

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
      if (outcome.missing === true && !(await known.mayHave(call.model, given.signal)))
        throw retired(call.model, at, call.variable);
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

  return {
    name: options.model,
    price,
    async check(signal) {
      const first = await known.lifetime("OPENAI_MODEL", options.model, signal);
      if (embedding === null) return [first];
      return [first, await known.lifetime("OPENAI_EMBEDDING_MODEL", embedding.model, signal)];
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
        body,
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
