import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { findStuck } from "../../actors/stuck.ts";
import { STUCK_REASONS, type WaitedJob } from "../../actors/stuck-reasons.ts";
import { errorResponses } from "../errors.ts";
import { aboutRun } from "../../insight/logging.ts";
import type { ServerParts } from "../parts.ts";
import { runSummarySchema } from "../runs/schemas.ts";
import { isoOrNull, MAIL_STATES, mailOf, mailSchema } from "./schemas.ts";

const BATCH_MS = 5_000;

const stuckSchema = z.object({
  runs: z.array(
    z.object({
      run: runSummarySchema,
      reasons: z.array(
        z.object({
          reason: z.enum(STUCK_REASONS),
          since: z.iso.datetime().nullable(),
          detail: z.string(),
        }),
      ),
    }),
  ),
});

/** What an operator should look at. */
export const stuckRoutes =
  ({ runs, batch, clock, logger }: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    /** Those that Batch does not know; a Batch that cannot be asked leaves the question open. */
    const unknown = async (
      runId: string,
      jobs: readonly WaitedJob[],
      before: number,
    ): Promise<WaitedJob[]> => {
      const old = jobs.filter(
        ({ submitted_at }) => submitted_at <= Math.min(before, clock.now() - batch.notFoundGraceMs),
      );
      const asked = old.map(async (job) => {
        try {
          const signal = AbortSignal.timeout(BATCH_MS);
          const status = await batch.get(job.job_id, signal, job.offer ?? undefined);
          return status === undefined ? [job] : [];
        } catch (thrown) {
          logger.warn(
            { err: thrown, ...aboutRun(runId), job_id: job.job_id },
            "Batch could not be asked about a job",
          );
          return [];
        }
      });
      return (await Promise.all(asked)).flat();
    };

    app.get(
      "/stuck",
      {
        config: { access: "admin" },
        schema: {
          summary: "Runs that need attention, and why",
          tags: ["admin"],
          querystring: z.object({
            older_than_seconds: z.coerce
              .number()
              .int()
              .min(1)
              .max(86_400)
              .default(60)
              .describe("Waits that are longer than this count as too long"),
            limit: z.coerce.number().int().min(1).max(500).default(100),
          }),
          response: { 200: stuckSchema, ...errorResponses },
        },
      },
      async ({ query: { older_than_seconds, limit } }) => {
        const before = clock.now() - older_than_seconds * 1_000;
        const found = await findStuck({ runs, unknownJobs: unknown }, { before, limit });
        return {
          runs: found.map(({ run, reasons }) => ({
            run,
            reasons: reasons.map((reason) => ({ ...reason, since: isoOrNull(reason.since) })),
          })),
        };
      },
    );

    app.get(
      "/outbox",
      {
        config: { access: "admin" },
        schema: {
          summary: "Mail of all runs: owed, sent or rejected",
          tags: ["admin"],
          querystring: z.object({
            state: z.enum(MAIL_STATES).default("rejected"),
            limit: z.coerce.number().int().min(1).max(500).default(100),
          }),
          response: {
            200: z.object({ mails: z.array(z.object({ run_id: z.string(), mail: mailSchema })) }),
            ...errorResponses,
          },
        },
      },
      async ({ query }) => ({
        mails: (await runs.mails(query)).map(({ run_id, mail }) => ({
          run_id,
          mail: mailOf(mail),
        })),
      }),
    );
  };
