import { shownRun } from "../../actors/run-details.ts";
import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { MAIL_REQUESTED } from "../../actors/mail/requested.ts";
import { answerToWish, runStateForbids } from "../../actors/run-wishes.ts";
import { runOfJob } from "../../machines/job-id.ts";
import { HaystackError } from "../../errors.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { findRun } from "../runs/find-run.ts";
import { ask, WISH_ROUTES } from "../runs/run.ts";
import { runParams, runSchema } from "../runs/schemas.ts";
import { audited } from "../access/audited.ts";

/** The events that reach a run from outside; all others are the machine's own. */
const externalEventSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("cancel.requested") }),
  z.strictObject({ type: z.literal("retry.requested") }),
  z.strictObject({
    type: z.literal("job.changed"),
    job_id: z.string().min(1).max(63).describe("A job of this run"),
    state: z.string().min(1).max(40),
  }),
]);

const eventBody = z.strictObject({
  event: externalEventSchema,
  event_id: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("An event with a known id has no further effect; a new id by default"),
});

/** Whether the state of the run takes such an event at all. */
function takes(
  { status, current_phase }: RunDocument,
  type: z.infer<typeof externalEventSchema>["type"],
): boolean {
  if (type === "cancel.requested") return answerToWish("cancel", status) === "acts";
  if (type === "retry.requested") return answerToWish("retry", status) === "acts";
  return status === "running" || (status === "cancelled" && current_phase !== null);
}

const PRIORITIES = { least: -100, most: 100 } as const;

/**
 * What an administrator may do to a run. Everything is stored before it is answered, and recorded.
 */
export const runActionRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { supervisor, runs } = parts;
    const audit = audited(parts);
    const schema = { tags: ["admin"], params: runParams };
    const stored = z.object({ run_id: z.string(), event_id: z.string() });
    const hosted = z.object({
      run_id: z.string(),
      hosted: z.boolean().describe("In the memory of this daemon"),
    });

    app.post(
      "/runs/:id/events",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "Put an event into the inbox of a run",
          body: eventBody,
          response: { 202: stored.describe("Stored"), ...errorResponses },
        },
      },
      async (request, reply) => {
        const {
          params: { id },
          body: { event, event_id = `admin.${randomUUID()}` },
        } = request;
        await audit(request, `event ${event.type}`, id, async () => {
          const { document } = await findRun(parts, request.identity, id);
          if (!takes(document, event.type)) throw runStateForbids(document);
          if (event.type === "job.changed" && runOfJob(event.job_id) !== id)
            throw new HaystackError(
              "USAGE",
              "The job does not belong to this run; find its jobs in /admin/runs/{id}.",
              { details: { run_id: id } },
            );
          await supervisor.deliver(id, { id: event_id, event });
        });
        return reply.code(202).send({ run_id: id, event_id });
      },
    );

    for (const [wish, summary] of WISH_ROUTES) {
      app.post(
        `/runs/:id/${wish}`,
        {
          config: { access: "admin" },
          schema: {
            ...schema,
            summary,
            response: {
              202: runSchema.describe("Stored; takes effect at once"),
              ...errorResponses,
            },
          },
        },
        async (request, reply) => {
          const { id } = request.params;
          return reply
            .code(202)
            .send(
              shownRun(
                await audit(request, wish, id, () => ask(parts, request.identity, id, wish)),
              ),
            );
        },
      );
    }

    const move =
      (action: "passivate" | "rehydrate", work: (id: string) => Promise<unknown>) =>
      async (request: FastifyRequest) => {
        const { id } = request.params as z.infer<typeof runParams>;
        await audit(request, action, id, async () => {
          await findRun(parts, request.identity, id);
          await work(id);
        });
        return { run_id: id, hosted: supervisor.hosted().includes(id) };
      };
    const moved = { 200: hosted, ...errorResponses };
    app.post(
      "/runs/:id/passivate",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "Unload a waiting run from this daemon's memory",
          response: moved,
        },
      },
      move("passivate", (id) => supervisor.passivate(id)),
    );
    app.post(
      "/runs/:id/rehydrate",
      {
        config: { access: "admin" },
        schema: { ...schema, summary: "Load a run into this daemon's memory", response: moved },
      },
      move("rehydrate", (id) => supervisor.rehydrate(id)),
    );

    app.post(
      "/runs/:id/priority",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "Set the priority of a queued run among those of its user",
          body: z.strictObject({
            priority: z
              .number()
              .int()
              .min(PRIORITIES.least)
              .max(PRIORITIES.most)
              .describe("The highest is admitted first; the default is 0"),
          }),
          response: {
            200: z.object({ run_id: z.string(), priority: z.number().int() }),
            ...errorResponses,
          },
        },
      },
      (request) =>
        audit(request, `priority ${request.body.priority}`, request.params.id, async () => {
          await findRun(parts, request.identity, request.params.id);
          await runs.setPriority(request.params.id, request.body.priority);
          return { run_id: request.params.id, priority: request.body.priority };
        }),
    );

    app.post(
      "/runs/:id/outbox/:key/resend",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "Send a mail of a run again",
          params: runParams.extend({
            key: z.string().min(1).max(300).describe("Key of the mail in the run's outbox"),
          }),
          response: { 202: stored.describe("Stored; the mail is sent soon"), ...errorResponses },
        },
      },
      async (request, reply) => {
        const { id, key } = request.params;
        const event_id = `${MAIL_REQUESTED}.${randomUUID()}`;
        await audit(request, `resend ${key}`, id, async () => {
          const { outbox } = await findRun(parts, request.identity, id);
          if (!outbox.some((mail) => mail.key === key))
            throw new HaystackError(
              "MAIL_NOT_FOUND",
              "This run has no mail with that key; find its outbox in /admin/runs/{id}.",
              { details: { run_id: id } },
            );
          await supervisor.deliver(id, { id: event_id, event: { type: MAIL_REQUESTED, key } });
        });
        return reply.code(202).send({ run_id: id, event_id });
      },
    );
  };
