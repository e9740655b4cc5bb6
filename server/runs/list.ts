import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import { RUN_STATUSES, type RunDocument } from "../../services/runs/document.ts";
import type { RunFilter } from "../../services/runs/index.ts";
import { userEmailOf } from "../access/ownership.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { runSummarySchema } from "./schemas.ts";
import { given } from "../../given.ts";

const querySchema = z.object({
  status: z.enum(RUN_STATUSES).optional(),
  text: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !/\p{Cc}/u.test(text), "contains control characters")
    .optional()
    .describe("Only runs whose question contains this"),
  all: z
    .enum(["true", "false"])
    .default("false")
    .describe("Runs of all users; administrators only"),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional().describe("`next_cursor` of the previous page"),
});

const placeSchema = z.tuple([z.iso.datetime(), z.string().min(1).max(200)]);

/** Names the last run of a page: runs inserted later do not move the next page. */
const cursorOf = ({ created_at, run_id }: RunDocument): string =>
  Buffer.from(JSON.stringify([created_at, run_id])).toString("base64url");

function placeOf(cursor: string): NonNullable<RunFilter["before"]> {
  try {
    const [created_at, run_id] = placeSchema.parse(
      JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")),
    );
    return { created_at, run_id };
  } catch (thrown) {
    throw new HaystackError(
      "USAGE",
      "The cursor is not one that a list returned; start without a cursor.",
      { cause: thrown },
    );
  }
}

export const listRoutes =
  ({ runs }: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/runs",
      {
        config: { access: "user" },
        schema: {
          summary: "Runs, newest first",
          tags: ["runs"],
          querystring: querySchema,
          response: {
            200: z.object({
              runs: z.array(runSummarySchema),
              next_cursor: z.string().nullable().describe("Null on the last page"),
            }),
            ...errorResponses,
          },
        },
      },
      async ({ query: { status, text, all, limit, cursor }, identity }) => {
        const own = userEmailOf(identity);
        if (all === "true" && identity.role !== "admin")
          throw new HaystackError(
            "FORBIDDEN",
            "Only an administrator may list the runs of all users; remove `all`.",
          );
        const found = await runs.list({
          ...given({ status, text }),
          ...(all === "true" || own === null ? {} : { user_email: own }),
          ...(cursor === undefined ? {} : { before: placeOf(cursor) }),
          limit: limit + 1,
        });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        return {
          runs: page,
          next_cursor: found.length > limit && last !== undefined ? cursorOf(last) : null,
        };
      },
    );
  };
