import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { checkQuestion } from "../../actors/check-question.ts";
import { PROMPT_STRATEGIES, type PromptPlan } from "../../science/prompting/prompt-plan.ts";
import {
  controlStrategySchema,
  readerSchema,
  structuredQuerySchema,
} from "../../science/query/structured-query.ts";
import { askedConfigSchema } from "../../services/runs/document.ts";
import { clientGone } from "../client-gone.ts";
import { errorBodySchema, errorResponses } from "../errors.ts";
import { querySchema } from "../runs/schemas.ts";
import type { ServerParts } from "../parts.ts";
import { given } from "../../given.ts";

const bodySchema = z.strictObject({ query: querySchema, config: askedConfigSchema.prefault({}) });

const promptSchema = z.object({
  strategy: z.enum(PROMPT_STRATEGIES),
  rationale: z.string(),
  prompt_cells: z.number().int(),
  query_cells: z.number().int(),
});

const checkSchema = z
  .object({
    answerable: z.boolean(),
    read_by: readerSchema.describe(
      "What interpreted the question for this check: the rules, because a language model costs money",
    ),
    read_in_run_by: readerSchema.describe(
      "What interprets it first in a run: the language model if one is configured",
    ),
    structured_query: structuredQuerySchema
      .nullable()
      .describe(
        "Null if the rules cannot interpret the question; the language model of a run still may",
      ),
    control_strategy_effective: controlStrategySchema.nullable(),
    control_cells_available: z.boolean().nullable(),
    prompt: promptSchema
      .nullable()
      .describe("The cells that the first iteration would show the model"),
    problem: errorBodySchema.pick({ error: true, message: true, details: true }).nullable(),
  })
  .meta({ id: "QuestionCheck" });

/** Of the checks; the first prompt does not depend on it. */
const SEED = 0;
/** Reading a question takes a worker that runs need too. */
const CHECKS_PER_MINUTE = 60;

const sum = (parts: readonly { readonly n_cells: number }[]): number =>
  parts.reduce((total, { n_cells }) => total + n_cells, 0);
const promptOf = ({ chosen, query_parts }: PromptPlan) => ({
  strategy: chosen.strategy,
  rationale: chosen.rationale,
  prompt_cells: sum(chosen.parts),
  query_cells: sum(query_parts),
});

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
        const check = await checkQuestion(parts, query, config, SEED, clientGone(reply));
        return {
          answerable: check.answerable,
          read_by: "rules" as const,
          read_in_run_by:
            parts.config.OPENAI_API_KEY === undefined
              ? ("rules" as const)
              : ("language_model" as const),
          structured_query: check.understood?.structured_query ?? null,
          control_strategy_effective: check.understood?.control_strategy_effective ?? null,
          control_cells_available: check.understood?.control_cells_available ?? null,
          prompt: check.answerable ? promptOf(check.plan) : null,
          problem: check.answerable
            ? null
            : {
                error: check.problem.code,
                message: check.problem.message,
                ...given({ details: check.problem.details }),
              },
        };
      },
    );
  };
