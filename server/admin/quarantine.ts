import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { runNotFound } from "../../errors.ts";
import { audited } from "../access/audited.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { runParams, runSummarySchema } from "../runs/schemas.ts";
import { asideOf, asideSchema } from "./schemas.ts";

/** Runs that are set aside: nobody hosts them until they are released. */
export const quarantineRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { runs } = parts;
    const audit = audited(parts);
    const tags = ["admin"];

    app.get(
      "/quarantine",
      {
        config: { access: "admin" },
        schema: {
          summary: "Runs that are set aside, and why",
          tags,
          querystring: z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
          response: {
            200: z.object({
              runs: z.array(z.object({ run: runSummarySchema, set_aside: asideSchema })),
            }),
            ...errorResponses,
          },
        },
      },
      async ({ query: { limit } }) => ({
        runs: (await runs.setAsides(limit)).flatMap(({ document, set_aside }) =>
          set_aside === undefined ? [] : [{ run: document, set_aside: asideOf(set_aside) }],
        ),
      }),
    );

    app.post(
      "/quarantine/:id/release",
      {
        config: { access: "admin" },
        schema: {
          summary: "Have a run hosted again that was set aside",
          tags,
          params: runParams,
          response: {
            200: z.object({ run_id: z.string(), released: z.boolean() }),
            ...errorResponses,
          },
        },
      },
      (request) =>
        audit(request, "quarantine release", request.params.id, async () => {
          const { id } = request.params;
          if ((await runs.get(id)) === undefined) throw runNotFound(id);
          return { run_id: id, released: await runs.unsetAside(id) };
        }),
    );

    app.get(
      "/quarantine/:id/export",
      {
        config: { access: "admin" },
        schema: {
          summary: "Everything that is stored of a run, as it stands",
          tags,
          params: runParams,
          response: {
            200: z.object({ run_id: z.string(), stored: z.unknown() }),
            ...errorResponses,
          },
        },
      },
      (request) =>
        audit(request, "quarantine export", request.params.id, async () => {
          const stored = await runs.raw(request.params.id);
          if (stored === undefined) throw runNotFound(request.params.id);
          return { run_id: request.params.id, stored };
        }),
    );
  };
