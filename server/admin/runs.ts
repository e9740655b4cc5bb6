import { shownRun } from "../../actors/run-details.ts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { actorTree } from "../../actors/inspection/actor-tree.ts";
import { sanitise } from "../../actors/inspection/sanitise.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { findRun } from "../runs/find-run.ts";
import { runParams } from "../runs/schemas.ts";
import {
  actorOf,
  actorSchema,
  asideOf,
  iso,
  isoOrNull,
  leaseOf,
  mailOf,
  runDetailSchema,
  transitionSchema,
} from "./schemas.ts";

const actorsOf = (snapshot: string | null): z.infer<typeof actorSchema> | null => {
  const actors = actorTree(snapshot);
  return actors === null ? null : actorOf(actors);
};

/** One run, looked into. */
export const adminRunRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const schema = { tags: ["admin"], params: runParams };

    app.get(
      "/runs/:id",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "A run with everything that is stored about it",
          response: { 200: runDetailSchema, ...errorResponses },
        },
      },
      async ({ params, identity }) => {
        const record = await findRun(parts, identity, params.id);
        const { document, revision, machine, priority, wake_at, lease, inbox, outbox, snapshot } =
          record;
        return {
          damage: record.damage ?? null,
          set_aside: record.set_aside === undefined ? null : asideOf(record.set_aside),
          run: shownRun(document),
          revision,
          machine,
          priority,
          wake_at: isoOrNull(wake_at),
          lease: lease === null ? null : leaseOf(lease),
          inbox: inbox.map(({ id, event }) => ({ id, event: sanitise(event) })),
          outbox: outbox.map(mailOf),
          snapshot: actorsOf(snapshot),
        };
      },
    );

    app.get(
      "/runs/:id/history",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "Every committed transition of a run",
          response: { 200: z.object({ history: z.array(transitionSchema) }), ...errorResponses },
        },
      },
      async ({ params, identity }) => {
        await findRun(parts, identity, params.id);
        return {
          history: (await parts.runs.history(params.id)).map((entry) => ({
            ...entry,
            at: iso(entry.at),
          })),
        };
      },
    );

    app.get(
      "/runs/:id/actors",
      {
        config: { access: "admin" },
        schema: {
          ...schema,
          summary: "The states of a run's machine and its child machines",
          response: {
            200: z.object({
              run_id: z.string(),
              revision: z.number().int(),
              actors: actorSchema.nullable(),
            }),
            ...errorResponses,
          },
        },
      },
      async ({ params, identity }) => {
        const { document, revision, snapshot } = await findRun(parts, identity, params.id);
        return { run_id: document.run_id, revision, actors: actorsOf(snapshot) };
      },
    );
  };
