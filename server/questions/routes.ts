import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { checkQuestion } from "../../actors/check-question.ts";
import { expectAccuracy } from "../../actors/expect-accuracy.ts";
import { runEstimator } from "../../actors/run-estimator.ts";
import { promptsPerRound } from "../../config.ts";
import { expectedAccuracySchema } from "../../science/accuracy/accuracy-schema.ts";
import { accuracyInWords } from "../../science/report/wording.ts";
import { askedConfigSchema } from "../../services/runs/document.ts";
import { clientGone } from "../client-gone.ts";
import { errorResponses } from "../errors.ts";
import { querySchema } from "../runs/schemas.ts";
import type { ServerParts } from "../parts.ts";
import { CHECK_SEED, checkSchema, shownCheck } from "./shown-check.ts";

const bodySchema = z.strictObject({ query: querySchema, config: askedConfigSchema.prefault({}) });

/** Reading a question takes a worker that runs need too. */
const CHECKS_PER_MINUTE = 60;
/** Leaving out measured responses in turn takes longer. */
const OUTLOOKS_PER_MINUTE = 20;

const outlookSchema = z
  .object({
    expected_accuracy: expectedAccuracySchema
      .nullable()
      .describe("Null where the question cannot be answered; a check says why"),
    expected_accuracy_in_words: z.string().nullable(),
  })
  .meta({ id: "QuestionOutlook" });

export const questionRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const estimate = runEstimator({
      ...parts,
      promptsPerRound: promptsPerRound(parts.config),
    });

    app.post(
      "/questions/check",
      {
        config: { access: "user", rateLimit: { max: CHECKS_PER_MINUTE, timeWindow: 60_000 } },
        schema: {
          summary:
            "How a question would be understood, whether the atlases can answer it, and what a run will take; free of charge",
          tags: ["questions"],
          body: bodySchema,
          response: { 200: checkSchema, ...errorResponses },
        },
      },
      async ({ body: { query, config } }, reply) => {
        const check = await checkQuestion(parts, query, config, CHECK_SEED, clientGone(reply));
        return shownCheck(check, config, {
          hasModel: parts.config.OPENAI_API_KEY !== undefined,
          estimate,
        });
      },
    );

    app.post(
      "/questions/outlook",
      {
        config: { access: "user", rateLimit: { max: OUTLOOKS_PER_MINUTE, timeWindow: 60_000 } },
        schema: {
          summary:
            "How far the first prediction is expected to agree with a measured response; free of charge",
          description:
            "By what the atlases tell, for the cells that the rules choose. It takes seconds, the first time for an atlas longer.",
          tags: ["questions"],
          body: bodySchema,
          response: { 200: outlookSchema, ...errorResponses },
        },
      },
      async ({ body: { query, config } }, reply) => {
        const signal = clientGone(reply);
        const check = await checkQuestion(parts, query, config, CHECK_SEED, signal);
        if (!check.answerable) return { expected_accuracy: null, expected_accuracy_in_words: null };
        const expected = await expectAccuracy(parts, check, config, signal);
        return {
          expected_accuracy: expected,
          expected_accuracy_in_words: accuracyInWords(expected),
        };
      },
    );
  };
