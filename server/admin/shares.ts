import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { audited } from "../access/audited.ts";
import { addressOf } from "../../actors/run-shares.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";

/** What is shared with a user who leaves. */
export const adminShareRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const audit = audited(parts);
    app.delete(
      "/shares/:user",
      {
        config: { access: "admin" },
        schema: {
          summary: "Take back every run that is shared with a user",
          tags: ["admin"],
          params: z.object({
            user: z.string().min(1).max(254).describe("E-mail address"),
          }),
          response: {
            200: z.object({
              user: z.string(),
              runs: z.number().int().describe("How many runs were shared with them"),
            }),
            ...errorResponses,
          },
        },
      },
      async ({ identity, ip, params }) => {
        const user = addressOf(params.user);
        const runs = await audit({ identity, ip }, "unshare all", user, () =>
          parts.access.forgetSharesWith(user),
        );
        return { user, runs };
      },
    );
  };
