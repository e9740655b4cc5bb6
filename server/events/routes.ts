import { fastifySSE } from "@fastify/sse";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { createRunWatcher } from "../../actors/watch/run-watcher.ts";
import { mayTouch } from "../access/ownership.ts";
import { sharedAmong } from "../access/shared.ts";
import { runNotFound } from "../../errors.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { runParams } from "../runs/schemas.ts";
import { createOpenStreams } from "./open-streams.ts";
import { followSeveral, MOST_FOLLOWED } from "./several.ts";
import { createEventStream, placeAfter, type EventStream } from "./stream.ts";

const HEARTBEAT_MS = 15_000;

const headersSchema = z.object({
  "last-event-id": z
    .string()
    .max(31)
    .regex(/^\d{1,15}\.\d{1,15}$/)
    .optional()
    .describe("Id of the last event received; the stream continues after it"),
});

/** Of one event; the description of a stream is that of its events. */
const eventSchema = z.looseObject({
  id: z.string().optional(),
  event: z.enum(["transition", "run"]),
  data: z.string(),
});

const idSchema = runParams.shape.id;
const severalSchema = z.object({
  id: z
    .union([idSchema, z.array(idSchema).min(1).max(MOST_FOLLOWED)])
    .describe(`Id of a run, may be repeated: at most ${MOST_FOLLOWED} runs`),
});

export const eventRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { runs, commits, clock, config, logger } = parts;
    const watcher = createRunWatcher({
      runs,
      commits,
      clock,
      pollMs: config.POLL_MILLISECONDS,
      onTrouble: (error) => logger.error({ err: error }, "runs cannot be watched"),
    });
    const streams = createOpenStreams({
      total: config.HTTP_STREAMS,
      perUser: config.HTTP_STREAMS_PER_USER,
    });
    const open = new Set<EventStream>();
    app.addHook("preClose", async () => {
      for (const stream of open) stream.end();
    });
    app.addHook("onClose", () => watcher.close());
    await app.register(fastifySSE, { heartbeatInterval: HEARTBEAT_MS });

    app.get(
      "/runs/:id/events",
      {
        sse: "manual",
        exposeHeadRoute: false,
        config: { access: "user" },
        schema: {
          summary: "Every transition of a run as it is committed, and the resulting state",
          description:
            "Server-sent events: `transition` with an id, and `run` with the state of the run. The stream ends when the run rests.",
          tags: ["runs"],
          params: runParams,
          headers: headersSchema,
          response: {
            200: {
              description: "The stream",
              content: { "text/event-stream": { schema: eventSchema } },
            },
            204: z.null().describe("The run rests and its last event was already received"),
            ...errorResponses,
          },
        },
      },
      async (request, reply) => {
        const { params, headers, identity } = request;
        const { id } = params;
        const countClosed = streams.open(identity.owner);
        const stream = createEventStream(reply, clock);
        open.add(stream);
        try {
          const watched = await watcher.watch(id, stream.news);
          try {
            if (watched === undefined) throw runNotFound(id);
            if (!mayTouch(identity, watched.document())) {
              if (!(await sharedAmong(parts, identity, [id])).has(id)) throw runNotFound(id);
              request.sharedRuns.add(id);
            }
            const lastSeen = headers["last-event-id"];
            const place = placeAfter(watched.log, lastSeen);
            if (lastSeen !== undefined && watched.resting() && place === watched.log.length)
              return await reply.code(204).send(null);
            reply.hijack();
            return await stream.serve(watched, place);
          } finally {
            watched?.close();
          }
        } finally {
          open.delete(stream);
          countClosed();
        }
      },
    );

    app.get(
      "/events",
      {
        sse: "manual",
        exposeHeadRoute: false,
        config: { access: "user" },
        schema: {
          summary: "Several runs as they change",
          description:
            "Server-sent events: `run` with what a list shows of the run (FollowedRun), first as it stands and then after every change. Runs that there are not, or that are somebody else's, are left out. The stream ends when the client leaves, or after an hour.",
          tags: ["runs"],
          querystring: severalSchema,
          response: {
            200: {
              description: "The stream",
              content: { "text/event-stream": { schema: eventSchema } },
            },
            ...errorResponses,
          },
        },
      },
      async (request, reply) => {
        const { identity, sharedRuns } = request;
        const ids = [...new Set([request.query.id].flat())];
        const countClosed = streams.open(identity.owner);
        const stream = createEventStream(reply, clock);
        open.add(stream);
        try {
          if (identity.role !== "admin")
            for (const run of await sharedAmong(parts, identity, ids)) sharedRuns.add(run);
          return await followSeveral(
            stream,
            watcher,
            ids,
            (document) => mayTouch(identity, document) || sharedRuns.has(document.run_id),
            () => void reply.hijack(),
          );
        } finally {
          open.delete(stream);
          countClosed();
        }
      },
    );
  };
