import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { userEmailOf } from "../access/ownership.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";

const sessionSchema = z
  .object({
    owner: z.string().nullable().describe("E-mail; null under AUTH=none, where nobody signs in"),
    role: z.enum(["user", "admin"]),
    software: z.object({ name: z.string(), version: z.string() }),
  })
  .meta({ id: "Session" });

export const sessionRoutes =
  ({ software }: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/session",
      {
        config: { access: "user" },
        schema: {
          summary: "Who asks, and whom",
          tags: ["session"],
          response: { 200: sessionSchema, ...errorResponses },
        },
      },
      ({ identity }) => ({
        owner: userEmailOf(identity),
        role: identity.role,
        software: { name: software.name, version: software.version },
      }),
    );
  };
