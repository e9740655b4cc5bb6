import { z } from "zod";
import { address, amount, anyText, whole } from "../forms.ts";

/** The language model, its prices and limits. */
export const model = {
  OPENAI_API_KEY: anyText()
    .optional()
    .describe("API key of the language model; rules and curated knowledge if unset"),
  OPENAI_BASE_URL: address()
    .default("https://api.openai.com/v1")
    .describe("URL of the Responses API, including the version"),
  OPENAI_MODEL: anyText()
    .default("gpt-6.1-terra")
    .describe("Model to use; it must support structured outputs"),
  OPENAI_EFFORT: z
    .enum(["off", "none", "minimal", "low", "medium", "high", "xhigh", "max"])
    .default("medium")
    .describe("Reasoning effort; off for models that do not reason"),
  OPENAI_TEMPERATURE: z.coerce
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe("Sampling temperature; leave unset for reasoning models"),
  OPENAI_PRICE_INPUT: amount().default(1).describe("US dollars per million input tokens"),
  OPENAI_PRICE_CACHED_INPUT: amount()
    .default(0.05)
    .describe("US dollars per million cached input tokens"),
  OPENAI_PRICE_CACHE_WRITE: amount()
    .default(1.25)
    .describe("US dollars per million input tokens that are written to the cache"),
  OPENAI_PRICE_OUTPUT: amount().default(5).describe("US dollars per million output tokens"),
  OPENAI_EMBEDDING_MODEL: anyText()
    .default("text-embedding-3-small")
    .describe(
      "Model whose embeddings compare perturbations and cell types; off to compare spellings",
    ),
  OPENAI_PRICE_EMBEDDING: amount()
    .default(0.02)
    .describe("US dollars per million tokens of embeddings"),
  MODEL_MAX_TURNS: whole(1, 100).default(8).describe("Maximum number of model calls per step"),
  MODEL_MAX_TOKENS: whole(1, 100_000_000)
    .default(200_000)
    .describe("Maximum number of tokens per run"),
  MODEL_MAX_USD: amount().default(1).describe("Maximum cost of the model per run, in US dollars"),
  MODEL_TIMEOUT_SECONDS: whole(1, 3_600)
    .default(120)
    .describe("Time limit of a model call, in seconds"),
};
