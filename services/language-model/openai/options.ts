import type { Clock } from "../../clock/index.ts";
import type { ModelPrice } from "../index.ts";

export interface OpenAIOptions {
  readonly apiKey: string;
  /**
   * With the version, e.g. "https://api.openai.com/v1"; any server that speaks the Responses API.
   */
  readonly baseURL: string;
  readonly model: string;
  /** Null for models that do not reason. */
  readonly effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max" | null;
  /** Null where the model takes none, as reasoning models. */
  readonly temperature: number | null;
  readonly price: ModelPrice;
  /** Null: no embeddings. `price`: US dollars for a million tokens. */
  readonly embedding: { readonly model: string; readonly price: number } | null;
  /** Hides secrets in what the server says; it goes into runs, reports and logs. */
  readonly redact: (text: string) => string;
  readonly clock: Clock;
  readonly random: () => number;
}
