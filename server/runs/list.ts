import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { isInterrupted, isJudgedRun } from "../../actors/run-details.ts";
import { type ErrorCode, HaystackError } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import { given } from "../../given.ts";
import { RUN_STATUSES, type RunDocument } from "../../services/runs/document.ts";
import type { RunFilter } from "../../services/runs/index.ts";
import { userEmailOf } from "../access/ownership.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { listedRunSchema, timeSchema } from "./schemas.ts";

const labelSchema = z
  .string()
  .max(200)
  .regex(/^[A-Za-z][\w-]*=/, "must be of the form key=value");

const querySchema = z.object({
  status: z.enum(RUN_STATUSES).optional(),
  text: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !/\p{Cc}/u.test(text), "contains control characters")
    .optional()
    .describe("Only runs whose question or name contains this"),
  id: z.string().min(1).max(200).optional().describe("Only runs whose id begins so"),
  label: z
    .union([labelSchema, z.array(labelSchema).max(20)])
    .optional()
    .describe("`key=value`, may be repeated: only runs that have all of these labels"),
  failed_with: z
    .enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]])
    .optional()
    .describe("Only runs that failed with this error code"),
  created_from: timeSchema.optional().describe("Only runs created then or later"),
  created_until: timeSchema.optional().describe("Only runs created before"),
  all: z
    .enum(["true", "false"])
    .default("false")
    .describe("Runs of all users; administrators only"),
  shared: z
    .enum(["true", "false"])
    .default("false")
    .describe("Runs that others share with you, instead of your own"),
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

/** Runs that others share with one user, the newest so many shares. */
const MOST_SHARED = 1_000;

const pairs = (labels: string | readonly string[]): [string, string][] =>
  [labels]
    .flat()
    .map((label) => [label.slice(0, label.indexOf("=")), label.slice(label.indexOf("=") + 1)]);

export const listRoutes =
  ({ access, runs, clock }: ServerParts): FastifyPluginAsyncZod =>
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
              runs: z.array(listedRunSchema),
              next_cursor: z.string().nullable().describe("Null on the last page"),
            }),
            ...errorResponses,
          },
        },
      },
      async ({ query: { status, all, shared, limit, cursor, label, ...wanted }, identity }) => {
        const own = userEmailOf(identity);
        if (all === "true" && shared === "true")
          throw new HaystackError(
            "USAGE",
            "`all` already lists what others share with you; remove `all` or `shared`.",
          );
        if (all === "true" && identity.role !== "admin")
          throw new HaystackError(
            "FORBIDDEN",
            "Only an administrator may list the runs of all users; remove `all`.",
          );
        const whose = async (): Promise<Pick<RunFilter, "run_ids" | "user_email">> => {
          if (shared === "false") return all === "true" || own === null ? {} : { user_email: own };
          const shares = own === null ? [] : await access.sharedWith(own, MOST_SHARED);
          return { run_ids: shares.map(({ run_id }) => run_id) };
        };
        const found = await runs.list({
          ...given({ ...wanted, status }),
          ...(label === undefined ? {} : { labels: Object.fromEntries(pairs(label)) }),
          ...(await whose()),
          ...(cursor === undefined ? {} : { before: placeOf(cursor) }),
          limit: limit + 1,
        });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const standings = await runs.standings(
          page.filter(({ status: is }) => is !== "completed").map(({ run_id }) => run_id),
        );
        const standingOf = new Map(standings.map((standing) => [standing.run_id, standing]));
        const now = clock.now();
        return {
          runs: page.map((document) => {
            const standing = standingOf.get(document.run_id);
            return {
              ...document,
              is_judged: isJudgedRun(document),
              interrupted: standing !== undefined && isInterrupted(document, standing, now),
            };
          }),
          next_cursor: found.length > limit && last !== undefined ? cursorOf(last) : null,
        };
      },
    );
  };
