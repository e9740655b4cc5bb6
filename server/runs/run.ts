import { shownRun, statusOf } from "../../actors/run-details.ts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  answerToWish,
  retryForbidden,
  runStateForbids,
  WISH_EVENTS,
  type Wish,
} from "../../actors/run-wishes.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { auditedForOthers } from "../access/audited.ts";
import { errorResponses } from "../errors.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { findReadableRun, findRun } from "./find-run.ts";
import { untilGranted } from "./granted.ts";
import { runParams, runSchema, runStatusSchema } from "./schemas.ts";

/** `POST /runs/{id}/{wish}`, of users and of administrators. */
export const WISH_ROUTES: readonly (readonly [wish: Wish, summary: string])[] = [
  ["cancel", "Cancel a run and its GPU jobs"],
  ["retry", "Resume a failed run where it stopped"],
];

/**
 * Stores the wish, so that it is kept whatever happens from now on, and answers with the run as it
 * stands when it was granted; where that takes longer than a second, as it stands then.
 */
export async function ask(
  parts: ServerParts,
  identity: Identity,
  runId: string,
  wish: Wish,
): Promise<RunDocument> {
  const record = await findRun(parts, identity, runId);
  const { document, revision, inbox, set_aside } = record;
  const answer = answerToWish(wish, document.status);
  if (answer === "forbidden") throw runStateForbids(document);
  const problem = wish === "retry" ? retryForbidden(record) : undefined;
  if (problem !== undefined) throw problem;
  if (set_aside !== undefined) {
    if (answer === "acts") await parts.runs.cancelAside(runId);
    parts.asideJobs.soon();
    return (await findRun(parts, identity, runId)).document;
  }
  const type = WISH_EVENTS[wish];
  const isAsked = inbox.some(({ event }) => event.type === type);
  if (answer === "granted") return document;
  await untilGranted(parts, runId, wish, async () => {
    if (!isAsked)
      await parts.supervisor.deliver(runId, { id: `${type}.${revision}`, event: { type } });
  });
  return (await findRun(parts, identity, runId)).document;
}

export const runRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const auditForOthers = auditedForOthers(parts);
    const schema = { tags: ["runs"], params: runParams };
    const accepted = {
      202: runSchema.describe("Stored; takes effect at once, and `/events` shows it"),
      ...errorResponses,
    };

    app.get(
      "/runs/:id",
      {
        config: { access: "user" },
        schema: {
          ...schema,
          summary: "One run",
          response: { 200: runStatusSchema, ...errorResponses },
        },
      },
      async ({ params: { id }, identity, sharedRuns }) => {
        const record = await findReadableRun(parts, { identity, sharedRuns }, id);
        const status = statusOf(record, parts.clock.now());
        if (sharedRuns.has(id)) return { ...status, shared_with_you: true };
        const shares = await parts.access.sharesOf(id);
        return { ...status, shared_with_you: false, shared_with: shares.map(({ user }) => user) };
      },
    );

    app.delete(
      "/runs/:id",
      {
        config: { access: "user" },
        schema: {
          ...schema,
          summary: "Delete a run that has ended, with everything that is kept of it",
          response: { 204: z.null().describe("Deleted"), ...errorResponses },
        },
      },
      async (request, reply) => {
        const { params, identity } = request;
        const { document } = await findRun(parts, identity, params.id);
        await auditForOthers(request, "delete", document, () =>
          parts.housekeeping.remove(params.id),
        );
        return reply.code(204).send(null);
      },
    );

    for (const [wish, summary] of WISH_ROUTES) {
      app.post(
        `/runs/:id/${wish}`,
        { config: { access: "user" }, schema: { ...schema, summary, response: accepted } },
        async (request, reply) => {
          const { params, identity } = request;
          const { document } = await findRun(parts, identity, params.id);
          return reply
            .code(202)
            .send(
              shownRun(
                await auditForOthers(request, wish, document, () =>
                  ask(parts, identity, params.id, wish),
                ),
              ),
            );
        },
      );
    }
  };
