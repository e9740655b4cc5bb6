import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { checkQuestion } from "../../actors/check-question.ts";
import { askedConfigSchema } from "../../services/runs/document.ts";
import { clientGone } from "../client-gone.ts";
import { errorResponses } from "../errors.ts";
import { querySchema } from "../runs/schemas.ts";
import type { ServerParts } from "../parts.ts";
import { CHECK_SEED, checkSchema, shownCheck } from "./shown-check.ts";

const bodySchema = z.strictObject({ query: querySchema, config: askedConfigSchema.prefault({}) });

/** Reading a question takes a worker that runs need too. */
const CHECKS_PER_MINUTE = 60;

export const questionRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.post(
      "/questions/check",
      {
        config: { access: "user", rateLimit: { max: CHECKS_PER_MINUTE, timeWindow: 60_000 } },
        schema: {
          summary:
            "How a question would be understood, and whether the atlases can answer it; free of charge",
          tags: ["questions"],
          body: bodySchema,
          response: { 200: checkSchema, ...errorResponses },
        },
      },
      async ({ body: { query, config } }, reply) => {
        const check = await checkQuestion(parts, query, config, CHECK_SEED, clientGone(reply));
        return shownCheck(check, parts.config.OPENAI_API_KEY !== undefined);
      },
    );
  };
