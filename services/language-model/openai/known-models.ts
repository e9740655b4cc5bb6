import type OpenAI from "openai";
import { APIError } from "openai";
import { HaystackError } from "../../../errors.ts";
import type { ModelLifetime } from "../index.ts";
import type { Failure } from "./failures.ts";

/** What a server says of the models that it has. */
export interface KnownModels {
  /** Errors: MODEL_RETIRED when the server does not have it; MODEL_UNAVAILABLE. */
  lifetime(variable: string, model: string, signal: AbortSignal): Promise<ModelLifetime>;
  /** False only where the server says which models it has, and not this one. */
  mayHave(model: string, signal: AbortSignal): Promise<boolean>;
}

type Entry = OpenAI.Model & { readonly shutdown_date?: unknown };

/** No such address, or none that may be read: says nothing of a model. */
const NOT_THERE = new Set<unknown>([404, 405, 501]);
const isMissing = (thrown: unknown): boolean =>
  thrown instanceof APIError && NOT_THERE.has(thrown.status);

/**
 * `GET /models/ID`, and where that is missing, `GET /models`: vLLM has the list alone. `at`: the
 * server, for messages.
 */
export function knownModels(
  client: OpenAI,
  at: string,
  failureOf: (thrown: unknown) => Failure,
): KnownModels {
  const find = async (model: string, signal: AbortSignal): Promise<Entry | undefined> => {
    try {
      return await client.models.retrieve(model, { signal });
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
    }
    const { data } = await client.models.list({ signal });
    if (!Array.isArray(data)) throw new TypeError("no list of models");
    return data.find(({ id }) => id === model);
  };

  return {
    async lifetime(variable, model, signal) {
      let entry: Entry | undefined;
      try {
        entry = await find(model, signal);
      } catch (thrown) {
        const problem = isMissing(thrown)
          ? "cannot be looked up, as the server tells of no models"
          : failureOf(thrown).problem;
        throw new HaystackError(
          "MODEL_UNAVAILABLE",
          `The language model ${model} ${problem}; check OPENAI_API_KEY, OPENAI_BASE_URL and ${variable}.`,
          { cause: thrown },
        );
      }
      if (entry === undefined) throw retired(model, at, variable);
      return { model, variable, shutdown_date: dateOf(entry.shutdown_date) };
    },
    async mayHave(model, signal) {
      try {
        return (await find(model, signal)) !== undefined;
      } catch {
        signal.throwIfAborted();
        return true;
      }
    },
  };
}

const dateOf = (value: unknown): string | null =>
  typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
    ? value
    : null;

export const retired = (model: string, at: string, variable: string): HaystackError =>
  new HaystackError(
    "MODEL_RETIRED",
    `The language model ${model} is not known to the server ${at}: it was shut down, or its name is wrong; set ${variable} to a current model, and its prices.`,
  );
