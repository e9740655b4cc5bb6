import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { actorTree } from "../../actors/actor-tree.ts";
import type { NeglectedRun } from "../../services/runs/index.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { runSummarySchema } from "../runs/schemas.ts";
import { isoOrNull, MAIL_STATES, mailOf, mailSchema } from "./schemas.ts";
import { STUCK_REASONS, stuckReasons, waitedJobs, type WaitedJob } from "./stuck-reasons.ts";

const BATCH_MS = 5_000;

const stuckSchema = z.object({
  runs: z.array(z.object({ run: runSummarySchema, reasons: z.array(z.object({ reason: z.enum(STUCK_REASONS), since: z.iso.datetime().nullable(), detail: z.string() })) })),
});

/** What an operator should look at. */
export const stuckRoutes =
  ({ runs, batch, clock, logger }: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    /** Those that Batch does not know; a Batch that cannot be asked leaves the question open. */
    const unknown = async (jobs: readonly WaitedJob[], before: number): Promise<WaitedJob[]> => {
      const old = jobs.filter(({ submitted_at }) => submitted_at <= Math.min(before, clock.now() - batch.notFoundGraceMs));
      const asked = old.map(async (job) => {
        try {
          return (await batch.get(job.job_id, AbortSignal.timeout(BATCH_MS))) === undefined ? [job] : [];
        } catch (thrown) {
          logger.warn({ err: thrown, job_id: job.job_id }, "Batch could not be asked about a job");
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
          summary: "Runs that somebody should look at, and why",
          tags: ["admin"],
          querystring: z.object({
            older_than_seconds: z.coerce.number().int().min(1).max(86_400).default(60).describe("Waiting for longer than this is too long"),
            limit: z.coerce.number().int().min(1).max(500).default(100),
          }),
          response: { 200: stuckSchema, ...errorResponses },
        },
      },
      async ({ query: { older_than_seconds, limit } }) => {
        const before = clock.now() - older_than_seconds * 1_000;
        const candidates = new Map<string, NeglectedRun>((await runs.neglected({ before, limit })).map((run) => [run.record.document.run_id, run]));
        for (const { run_id } of await runs.list({ status: "running", limit })) {
          const record = candidates.has(run_id) ? undefined : await runs.get(run_id);
          if (record !== undefined) candidates.set(run_id, { record, event_since: null });
        }
        const judged = [...candidates.values()].map(async (candidate) => {
          const { document, snapshot } = candidate.record;
          const actors = snapshot === null ? null : actorTree(snapshot);
          const unknownJobs = actors === null || document.status !== "running" ? [] : await unknown(waitedJobs(actors), before);
          const reasons = stuckReasons(candidate, actors, unknownJobs, before);
          return { run: document, reasons: reasons.map((reason) => ({ ...reason, since: isoOrNull(reason.since) })) };
        });
        return { runs: (await Promise.all(judged)).filter(({ reasons }) => reasons.length > 0).slice(0, limit) };
      },
    );

    app.get(
      "/outbox",
      {
        config: { access: "admin" },
        schema: {
          summary: "Mails of all runs that are owed, sent or rejected",
          tags: ["admin"],
          querystring: z.object({ state: z.enum(MAIL_STATES).default("rejected"), limit: z.coerce.number().int().min(1).max(500).default(100) }),
          response: { 200: z.object({ mails: z.array(z.object({ run_id: z.string(), mail: mailSchema })) }), ...errorResponses },
        },
      },
      async ({ query }) => ({ mails: (await runs.mails(query)).map(({ run_id, mail }) => ({ run_id, mail: mailOf(mail) })) }),
    );
  };
