import type { AgentModel } from "../actors/agents/session.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../services/clock/index.ts";
import type { ModelPrice } from "../services/language-model/index.ts";

/** The language model and its limits; none without a key. */
export async function openModel(config: Config, clock: Clock): Promise<AgentModel | undefined> {
  if (config.OPENAI_API_KEY === undefined) return undefined;
  const { openaiModel } = await import("../services/language-model/openai/model.ts");
  return {
    model: openaiModel({
      apiKey: config.OPENAI_API_KEY,
      baseURL: config.OPENAI_BASE_URL,
      model: config.OPENAI_MODEL,
      effort: config.OPENAI_EFFORT === "off" ? null : config.OPENAI_EFFORT,
      temperature: config.OPENAI_TEMPERATURE ?? null,
      price: modelPrice(config),
      embedding:
        config.OPENAI_EMBEDDING_MODEL === "off"
          ? null
          : { model: config.OPENAI_EMBEDDING_MODEL, price: config.OPENAI_PRICE_EMBEDDING },
      clock,
      random: Math.random,
    }),
    limits: modelLimits(config),
  };
}

export const modelPrice = (config: Config): ModelPrice => ({
  input: config.OPENAI_PRICE_INPUT,
  cached_input: config.OPENAI_PRICE_CACHED_INPUT,
  output: config.OPENAI_PRICE_OUTPUT,
});

export const modelLimits = (config: Config): AgentModel["limits"] => ({
  max_turns: config.MODEL_MAX_TURNS,
  max_tokens: config.MODEL_MAX_TOKENS,
  max_usd: config.MODEL_MAX_USD,
  timeout_ms: config.MODEL_TIMEOUT_SECONDS * 1_000,
});
