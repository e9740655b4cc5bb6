import type { AgentModel } from "../actors/agents/session.ts";
import { createBackground } from "../actors/supervisor/background.ts";
import { type Config, redactor } from "../config.ts";
import { HaystackError } from "../errors.ts";
import type { Clock } from "../services/clock/index.ts";
import type { LanguageModel, ModelPrice } from "../services/language-model/index.ts";
import { endOf } from "./model-ends.ts";

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
      redact: redactor(config),
      clock,
      random: Math.random,
    }),
    limits: modelLimits(config),
  };
}

export const modelPrice = (config: Config): ModelPrice => ({
  input: config.OPENAI_PRICE_INPUT,
  cached_input: config.OPENAI_PRICE_CACHED_INPUT,
  cache_write: config.OPENAI_PRICE_CACHE_WRITE,
  output: config.OPENAI_PRICE_OUTPUT,
});

export const modelLimits = (config: Config): AgentModel["limits"] => ({
  max_turns: config.MODEL_MAX_TURNS,
  max_tokens: config.MODEL_MAX_TOKENS,
  max_usd: config.MODEL_MAX_USD,
  timeout_ms: config.MODEL_TIMEOUT_SECONDS * 1_000,
});

const LOOK_MS = 30_000;
const LOOKED_AT_EVERY_MS = 86_400_000;

/**
 * Looks at once and every day whether the server still has the models, and reports one that is
 * gone or soon will be, MODEL_RETIRED. The answer ends it.
 */
export function watchModel(
  { check }: LanguageModel,
  clock: Clock,
  onTrouble: (error: HaystackError) => void,
): () => Promise<void> {
  const stop = new AbortController();
  const background = createBackground(clock, onTrouble, Math.random);
  const look = async (): Promise<void> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS)]);
    const found = await check?.(signal);
    for (const lifetime of found?.models ?? []) {
      const end = endOf(lifetime, clock.now());
      if (end !== null) onTrouble(new HaystackError("MODEL_RETIRED", end.sentence));
    }
  };
  const lookUnlessStopped = (): Promise<void> =>
    look().catch((thrown: unknown) => {
      if (!stop.signal.aborted) throw thrown;
    });
  background.run(lookUnlessStopped());
  background.every(LOOKED_AT_EVERY_MS, lookUnlessStopped);
  return async () => {
    stop.abort();
    await background.stop();
  };
}
