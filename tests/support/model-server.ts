import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { openaiModel } from "../../services/language-model/openai/model.ts";
import type { OpenAIOptions } from "../../services/language-model/openai/options.ts";
import type { LanguageModel } from "../../services/language-model/index.ts";
import { systemClock } from "../../services/clock/system.ts";
import { serveLoopback } from "./loopback-server.ts";

/** A local server that speaks the Responses API and answers from a script. */

export interface ModelCall {
  /** With its query. */
  readonly path: string;
  readonly body: RequestBody;
  readonly headers: IncomingHttpHeaders;
}

export interface RequestBody {
  readonly model: string;
  readonly instructions: string;
  readonly input: readonly {
    readonly type?: string;
    readonly role?: string;
    readonly content?: string;
    readonly output?: string;
    readonly call_id?: string;
    readonly name?: string;
  }[];
  readonly tools?: readonly {
    readonly name: string;
    readonly parameters: unknown;
    readonly strict: boolean;
  }[];
  readonly tool_choice?: string;
  readonly text: {
    readonly format: {
      readonly type: string;
      readonly name: string;
      readonly schema: Record<string, unknown>;
      readonly strict: boolean;
    };
  };
  readonly temperature?: number;
  readonly reasoning?: { readonly effort: string };
  readonly include?: readonly string[];
  readonly store: boolean;
  readonly max_output_tokens: number;
}

type Answer =
  | {
      readonly kind: "output";
      readonly output: readonly object[];
      readonly status?: string;
      readonly incomplete_details?: object;
      readonly error?: object;
      readonly usage?: unknown;
    }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly code: string | null;
      readonly message?: string;
    }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "drop" | "drop_halfway" | "hang" };

/** What the server does with a call: an answer, or one made from the request. */
export type ScriptEntry = Answer | ((body: RequestBody) => Answer);

const message = (content: object): object => ({
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content: [content],
});

export const says = (value: unknown): Answer => ({
  kind: "output",
  output: [
    message({
      type: "output_text",
      text: typeof value === "string" ? value : JSON.stringify(value),
      annotations: [],
    }),
  ],
});
export const refuses = (refusal: string): Answer => ({
  kind: "output",
  output: [message({ type: "refusal", refusal })],
});
/** Reasoning and commentary, then the answer, as models of these days send them. */
export const saysAfterComment = (comment: string, value: unknown): Answer => ({
  kind: "output",
  output: [
    { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" },
    { ...message({ type: "output_text", text: comment, annotations: [] }), phase: "commentary" },
    {
      ...message({ type: "output_text", text: JSON.stringify(value), annotations: [] }),
      phase: "final_answer",
    },
  ],
});
export const calls = (
  ...tools: readonly (readonly [name: string, parameters: unknown])[]
): Answer => ({
  kind: "output",
  output: [
    { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" },
    ...tools.map(([name, parameters], i) => ({
      type: "function_call",
      id: `fc_${i}`,
      call_id: `call_${i}`,
      name,
      arguments: typeof parameters === "string" ? parameters : JSON.stringify(parameters),
      status: "completed",
    })),
  ],
});
export const isCutOff = (text: string): Answer => ({
  ...(says(text) as Extract<Answer, { kind: "output" }>),
  status: "incomplete",
  incomplete_details: { reason: "max_output_tokens" },
});
export const fails = (code: string): Answer => ({
  kind: "output",
  output: [],
  status: "failed",
  error: { code, message: "scripted" },
});
export const answersWith = (
  status: number,
  headers: Record<string, string> = {},
  code: string | null = null,
  words = "scripted",
): Answer => ({ kind: "status", status, headers, code, message: words });
/** An answer of chat completions. */
export const chats = (said: object, more: object = {}): Answer =>
  sendsText(
    JSON.stringify({
      id: "c",
      object: "chat.completion",
      choices: [
        { index: 0, finish_reason: "stop", message: { role: "assistant", ...said }, ...more },
      ],
      usage: { prompt_tokens: 1_000, completion_tokens: 200, total_tokens: 1_200 },
    }),
  );
export const sendsText = (text: string): Answer => ({ kind: "text", text });
export const DROPS: Answer = { kind: "drop" };
export const DROPS_HALFWAY: Answer = { kind: "drop_halfway" };
export const HANGS: Answer = { kind: "hang" };

/** The answer that scripted it, with other counts of tokens (none, or words). */
export const counting = (usage: unknown, answer: Answer): Answer =>
  answer.kind === "output" ? { ...answer, usage } : answer;

const USAGE = { input_tokens: 1_000, cached_tokens: 400, output_tokens: 200 } as const;
const PRICE = { input: 1, cached_input: 0.5, cache_write: 1.25, output: 10 } as const;
/** What every answered call costs under USAGE and PRICE. */
export const CALL = { tokens: 1_200, usd: 0.0028 } as const;

export interface EmbeddingCall {
  readonly body: {
    readonly model: string;
    readonly input: readonly string[];
    readonly encoding_format: string;
  };
  readonly headers: IncomingHttpHeaders;
}

export const EMBEDDING = { model: "scripted-embedding", price: 2 } as const;

export interface ModelServer {
  readonly calls: readonly ModelCall[];
  readonly embeddingCalls: readonly EmbeddingCall[];
  /**
   * Answers every text with its vector: three tokens a text. Until it is called the server answers
   * as it does after the script.
   */
  embed(vectorOf: (text: string) => unknown): void;
  /** What comes next on the way to embeddings, before vectors. */
  scriptEmbeddings(...entries: readonly Answer[]): void;
  readonly baseURL: string;
  /** Models that it says it has; nothing else depends on them. */
  readonly models: Set<string>;
  /** The day on which a model ends, as the vendor tells it ("2026-12-11"). */
  readonly shutdowns: Map<string, unknown>;
  /** How it tells of models: one by one and as a list, as a list alone (vLLM), or not at all. */
  listing: "each" | "list" | "none";
  /** Which of the APIs it has; calls of others are answered with 404, as vLLM and Ollama do. */
  apis: readonly ("/v1/responses" | "/v1/chat/completions")[];
  /** What comes next; after the last entry the server answers with status 418. */
  script(...entries: readonly ScriptEntry[]): void;
  /** Resolves when so many calls have arrived. */
  arrived(count: number): Promise<void>;
  /** The real adapter, pointed here. */
  model(options?: Partial<OpenAIOptions>): LanguageModel;
}

export async function startModelServer(): Promise<ModelServer> {
  const received: ModelCall[] = [];
  const entries: ScriptEntry[] = [];
  const embeddingCalls: EmbeddingCall[] = [];
  const embeddingEntries: Answer[] = [];
  const models = new Set(["scripted", EMBEDDING.model]);
  const shutdowns = new Map<string, unknown>();
  let vectorOf: ((text: string) => unknown) | null = null;
  let waiters: { readonly count: number; resolve(): void }[] = [];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [, listed, asked] = /^\/v1(\/models)(?:\/(.+))?$/.exec(request.url ?? "") ?? [];
    if (listed !== undefined) return send(response, tellOfModels(server, asked));
    const json = Buffer.concat(chunks).toString("utf8");
    if (request.url === "/v1/embeddings") {
      const given = JSON.parse(json) as EmbeddingCall["body"];
      embeddingCalls.push({ body: given, headers: request.headers });
      return send(
        response,
        embeddingEntries.shift() ??
          (vectorOf === null ? answersWith(418) : vectors(given, vectorOf)),
      );
    }
    const path = (request.url ?? "").split("?")[0] as (typeof server.apis)[number];
    if (!server.apis.includes(path)) return send(response, answersWith(404));
    const body = JSON.parse(json) as RequestBody;
    if (Object.keys(body).length === 0) return send(response, answersWith(400));
    const entry = request.method === "POST" ? entries.shift() : undefined;
    received.push({ path: request.url ?? "", body, headers: request.headers });
    send(response, typeof entry === "function" ? entry(body) : (entry ?? answersWith(418)));
    for (const waiter of waiters) if (received.length >= waiter.count) waiter.resolve();
    waiters = waiters.filter(({ count }) => received.length < count);
  };
  const baseURL = `${await serveLoopback((request, response) => void handle(request, response))}/v1`;
  const server: ModelServer = {
    calls: received,
    embeddingCalls,
    embed: (given) => void (vectorOf = given),
    scriptEmbeddings: (...more) => void embeddingEntries.push(...more),
    baseURL,
    models,
    shutdowns,
    listing: "each",
    apis: ["/v1/responses", "/v1/chat/completions"],
    script: (...more) => void entries.push(...more),
    arrived: (count) =>
      new Promise((resolve) =>
        received.length >= count ? resolve() : waiters.push({ count, resolve }),
      ),
    model: (options) =>
      openaiModel({
        apiKey: "test-key",
        baseURL,
        model: "scripted",
        effort: null,
        temperature: null,
        price: PRICE,
        embedding: null,
        redact: (text) => text,
        clock: systemClock,
        random: () => 0,
        ...options,
      }),
  };
  return server;
}

function tellOfModels(
  { models, shutdowns, listing }: ModelServer,
  asked: string | undefined,
): Answer {
  const about = (id: string): object => ({
    id,
    object: "model",
    ...(shutdowns.has(id) ? { shutdown_date: shutdowns.get(id) } : {}),
  });
  if (asked === undefined)
    return listing === "none"
      ? answersWith(404)
      : sendsText(JSON.stringify({ object: "list", data: [...models].map(about) }));
  return models.has(asked) && listing === "each"
    ? sendsText(JSON.stringify(about(asked)))
    : answersWith(404);
}

/** In reverse, as the order is by `index` alone. */
function vectors(
  { input, model }: EmbeddingCall["body"],
  vectorOf: (text: string) => unknown,
): Answer {
  const data = input
    .map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text) }))
    .toReversed();
  return sendsText(
    JSON.stringify({
      object: "list",
      model,
      data,
      usage: { prompt_tokens: 3 * input.length, total_tokens: 3 * input.length },
    }),
  );
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer.kind === "hang") return;
  if (answer.kind === "drop") return void response.destroy();
  if (answer.kind === "status") {
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    return void response.end(
      JSON.stringify({
        error: { message: answer.message, type: "scripted", code: answer.code, param: null },
      }),
    );
  }
  if (answer.kind === "text") {
    response.writeHead(200, { "content-type": "application/json" });
    return void response.end(answer.text);
  }
  const {
    status = "completed",
    incomplete_details = null,
    error = null,
    output,
  } = answer.kind === "output" ? answer : { output: [] };
  const usage =
    "usage" in answer
      ? answer.usage
      : {
          input_tokens: USAGE.input_tokens,
          input_tokens_details: { cached_tokens: USAGE.cached_tokens },
          output_tokens: USAGE.output_tokens,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: USAGE.input_tokens + USAGE.output_tokens,
        };
  const json = JSON.stringify({
    id: "resp_1",
    object: "response",
    created_at: 0,
    model: "scripted",
    status,
    incomplete_details,
    error,
    output,
    usage,
  });
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(json),
  });
  if (answer.kind === "output") return void response.end(json);
  response.write(json.slice(0, json.length / 2), () => response.destroy());
}

/** What travelled as data in a request: the JSON between the delimiters of its user messages. */
export function dataOf({ input }: RequestBody): unknown[] {
  return input.flatMap(({ role, content }) => {
    const json = /^<data>\n(.*)\n<\/data>$/s.exec(role === "user" ? (content ?? "") : "")?.[1];
    return json === undefined ? [] : [JSON.parse(json) as unknown];
  });
}
