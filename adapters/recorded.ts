import type { Config } from "../config.ts";
import type { Outside } from "../daemon.ts";
import { HaystackError } from "../errors.ts";
import type { JournalEntry } from "../services/runs/index.ts";
import { modelLimits, modelPrice } from "./language-model.ts";

/** What the journal of a run tells of the services that its steps asked. */
export const askedOf = (journal: readonly JournalEntry[]) => {
  const isAsked = (service: "model" | "literature"): boolean =>
    journal.some(({ key }) => key.startsWith(`${service}/`));
  return { model: isAsked("model"), literature: isAsked("literature") };
};

/**
 * The services of a run that is done again: their answers are on record, and nobody is asked anew.
 * What is not on record ends the run with ARCHIVE_UNSUPPORTED.
 */
export function recordedOutside(config: Config, journal: readonly JournalEntry[]): Outside {
  const asked = askedOf(journal);
  const nobody = (who: string) => (): Promise<never> =>
    Promise.reject(
      new HaystackError(
        "ARCHIVE_UNSUPPORTED",
        `The run cannot be reproduced: ${who} is asked something whose answer is not on record, as of a call that failed then, or where the settings of its export are not those it had.`,
      ),
    );
  const embedding = config.OPENAI_EMBEDDING_MODEL;
  return {
    model: asked.model
      ? {
          model: {
            name: config.OPENAI_MODEL,
            price: modelPrice(config),
            ...(embedding === "off"
              ? {}
              : {
                  embedding: {
                    name: embedding,
                    price: config.OPENAI_PRICE_EMBEDDING,
                    embed: nobody("the embedding model"),
                  },
                }),
            complete: nobody("the language model"),
          },
          limits: modelLimits(config),
        }
      : undefined,
    literature: asked.literature
      ? { search: nobody("the literature"), articles: nobody("the literature") }
      : undefined,
    lookUps: config.LOOKUPS === "" ? undefined : { gene: nobody("a gene database") },
  };
}
