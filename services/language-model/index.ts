/**
 * Port: one paid call to a language model. What is asked, checked and kept is the agents' affair
 * (actors/agents).
 */

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A function that the model may ask for; it only reads. */
export interface ModelTool {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
}

/**
 * What passed between us and the model, in order. `kept` is the adapter's own and is handed back
 * unread.
 */
export type ModelItem =
  | { readonly type: "data"; readonly text: string }
  /** Commentary comes before the answer and is no part of it. */
  | {
      readonly type: "answer";
      readonly text: string;
      readonly phase?: "commentary" | "final_answer";
    }
  | {
      readonly type: "tool_call";
      readonly call_id: string;
      readonly name: string;
      readonly arguments: string;
    }
  | { readonly type: "tool_result"; readonly call_id: string; readonly output: string }
  | { readonly type: "kept"; readonly value: unknown };

export interface ModelRequest {
  /** Ours alone: never holds text from a question or an atlas. */
  readonly instructions: string;
  readonly items: readonly ModelItem[];
  readonly tools: readonly ModelTool[];
  /** False: the model has to answer now. */
  readonly may_use_tools: boolean;
  readonly answer: { readonly name: string; readonly schema: JsonSchema };
  readonly max_output_tokens: number;
}

export interface ModelUsage {
  readonly tokens: number;
  readonly usd: number;
}

export interface ModelReply {
  /** Also what the next request has to repeat. */
  readonly items: readonly ModelItem[];
  readonly end: "answered" | "tool_calls" | "refused" | "cut_off";
  /** The answer, or the words of the refusal. */
  readonly text: string;
  readonly usage: ModelUsage;
}

/** US dollars for a million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly cached_input: number;
  readonly cache_write: number;
  readonly output: number;
}

export interface CallOptions {
  readonly key: string;
  readonly timeout_ms: number;
  readonly signal: AbortSignal;
  /** Told of a pause before the next attempt that is worth telling, and with null of its end. */
  readonly onWait?: (wait: ModelWait | null) => void;
}

export interface ModelWait {
  /** A sentence: what the server said. */
  readonly reason: string;
  /** The time of day, in milliseconds. */
  readonly until: number;
}

export interface Embeddings {
  /**
   * One a text, in their order, as the server sent them: whoever uses them checks number, lengths
   * and values.
   */
  readonly vectors: readonly unknown[];
  readonly usage: ModelUsage;
}

/** Texts as vectors whose cosine says how near their meanings are. */
export interface EmbeddingModel {
  readonly name: string;
  /** US dollars for a million tokens. */
  readonly price: number;
  /** At most 2,048 texts, none empty. Options and errors: those of `complete`. */
  embed(texts: readonly string[], options: CallOptions): Promise<Embeddings>;
}

/** By which of its APIs a server is asked. */
export type ModelApi = "Responses API" | "Chat Completions API";

/** For how long a server will have a model. */
export interface ModelLifetime {
  readonly model: string;
  /** The variable that names it. */
  readonly variable: string;
  /** The day (YYYY-MM-DD) on which it is shut down; null where none is announced. */
  readonly shutdown_date: string | null;
}

export interface LanguageModel {
  readonly name: string;
  readonly price: ModelPrice;
  readonly embedding?: EmbeddingModel;
  /**
   * `key` names the call: a repeated call carries the same. `timeout_ms` is for each attempt.
   * Errors: MODEL_UNAVAILABLE when no attempt succeeded; MODEL_RETIRED when the server no longer has the
   * model; STEP_ABORTED.
   */
  complete(request: ModelRequest, options: CallOptions): Promise<ModelReply>;
  /**
   * The models in use. Rejects unless the server knows them: MODEL_RETIRED, MODEL_UNAVAILABLE. One
   * attempt each, nothing is paid.
   */
  check?(
    signal: AbortSignal,
  ): Promise<{ readonly models: readonly ModelLifetime[]; readonly api: ModelApi }>;
}
