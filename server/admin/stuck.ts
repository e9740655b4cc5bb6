import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { actorTree } from "../../actors/inspection/actor-tree.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { StuckRun, RunStore } from "../../services/runs/index.ts";
import { errorResponses } from "../errors.ts";
import { aboutRun } from "../../insight/logging.ts";
import type { ServerParts } from "../parts.ts";
import { runSummarySchema } from "../runs/schemas.ts";
import { isoOrNull, MAIL_STATES, mailOf, mailSchema } from "./schemas.ts";
import { STUCK_REASONS, stuckReasons, waitedJobs, type WaitedJob } from "./stuck-reasons.ts";

const BATCH_MS = 5_000;
/** Running runs that are looked into together. */
const PAGE = 100;

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
          return (await batch.get(job.job_id, AbortSignal.timeout(BATCH_MS))) === undefined
            ? [job]
            : [];
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
        const judge = async (candidate: StuckRun) => {
          const { document, snapshot } = candidate.record;
          const actors = snapshot === null ? null : actorTree(snapshot);
          const unknownJobs =
            actors === null || document.status !== "running"
              ? []
              : await unknown(document.run_id, waitedJobs(actors), before);
          const reasons = stuckReasons(candidate, actors, unknownJobs, before);
          return reasons.length === 0
            ? []
            : [
                {
                  run: document,
                  reasons: reasons.map((reason) => ({ ...reason, since: isoOrNull(reason.since) })),
                },
              ];
        };
        const stuck = await runs.stuck({ before, limit });
        const judged = new Set(stuck.map(({ record }) => record.document.run_id));
        const found = (await Promise.all(stuck.map(judge))).flat();
        for await (const page of runningRuns(runs)) {
          if (found.length >= limit) break;
          const looked = page
            .filter(({ run_id }) => !judged.has(run_id))
            .map(async ({ run_id }) => {
              const record = await runs.get(run_id);
              return record === undefined ? [] : judge({ record, event_since: null });
            });
          found.push(...(await Promise.all(looked)).flat());
        }
        return { runs: found.slice(0, limit) };
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

/** All of them in pages, newest first. */
async function* runningRuns(runs: Pick<RunStore, "list">): AsyncGenerator<RunDocument[]> {
  for (let last: RunDocument | undefined; ;) {
    const page = await runs.list({
      status: "running",
      limit: PAGE,
      ...(last === undefined
        ? {}
        : { before: { created_at: last.created_at, run_id: last.run_id } }),
    });
    yield page;
    if (page.length < PAGE) return;
    last = page.at(-1);
  }
}
