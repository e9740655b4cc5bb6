import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { describeConfig } from "../../config.ts";
import { RUN_MACHINE } from "../../machines/run.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { audited } from "../access/audited.ts";
import { iso, isoOrNull, supervisorSchema } from "./schemas.ts";
import { given } from "../../given.ts";

const configSchema = z.array(
  z.object({
    name: z.string(),
    value: z.union([z.string(), z.number()]).nullable(),
    meaning: z.string(),
  }),
);

/** The daemon itself: what it does, and what it shall do. */
export const daemonRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { supervisor, runs, clock, software, config } = parts;
    const audit = audited(parts);
    const tags = ["admin"];

    const present = async (): Promise<z.infer<typeof supervisorSchema>> => {
      const now = clock.now();
      const [queues, counts] = await Promise.all([runs.loads(now), runs.counts(now)]);
      const { hosted, limits, ...status } = supervisor.status();
      return {
        software,
        machine: RUN_MACHINE,
        ...status,
        limits: { max_active: limits.maxActive, max_active_per_user: limits.maxActivePerUser },
        live: hosted.length,
        passivated: counts.unhosted,
        by_status: counts.by_status,
        queues,
        hosted: hosted.map(({ lease_expires_at, wake_at, ...run }) => ({
          ...run,
          lease_expires_at: iso(lease_expires_at),
          wake_at: isoOrNull(wake_at),
        })),
      };
    };

    app.get(
      "/supervisor",
      {
        config: { access: "admin" },
        schema: {
          summary: "What this daemon hosts, and the state of the queue",
          tags,
          response: { 200: supervisorSchema, ...errorResponses },
        },
      },
      present,
    );

    app.post(
      "/admission",
      {
        config: { access: "admin" },
        schema: {
          summary: "Pause or resume this daemon's admission of queued runs",
          tags,
          body: z.strictObject({ paused: z.boolean() }),
          response: { 200: supervisorSchema, ...errorResponses },
        },
      },
      (request) =>
        audit(
          request,
          request.body.paused ? "admission.pause" : "admission.resume",
          supervisor.status().owner,
          () => {
            supervisor.pauseAdmission(request.body.paused);
            return present();
          },
        ),
    );

    app.post(
      "/drain",
      {
        config: { access: "admin" },
        schema: {
          summary:
            "Start or stop draining: a draining daemon takes no runs and releases its own as soon as they wait",
          tags,
          body: z.strictObject({ draining: z.boolean().default(true) }),
          response: { 200: supervisorSchema, ...errorResponses },
        },
      },
      (request) =>
        audit(
          request,
          request.body.draining ? "drain.begin" : "drain.end",
          supervisor.status().owner,
          () => {
            supervisor.drain(request.body.draining);
            return present();
          },
        ),
    );

    app.get(
      "/config",
      {
        config: { access: "admin" },
        schema: {
          summary: "The effective configuration, secrets hidden",
          tags,
          response: { 200: z.object({ config: configSchema }), ...errorResponses },
        },
      },
      () => ({
        config: describeConfig(config),
      }),
    );

    app.get(
      "/audit",
      {
        config: { access: "admin" },
        schema: {
          summary: "What administrators did, newest first",
          tags,
          querystring: z.object({
            limit: z.coerce.number().int().min(1).max(500).default(100),
            target: z
              .string()
              .min(1)
              .max(300)
              .optional()
              .describe("Only actions on this run, token or daemon"),
            before: z
              .string()
              .max(316)
              .regex(/^\d{1,15}:.{1,300}$/)
              .optional()
              .describe("`next` of the previous page"),
          }),
          response: {
            200: z.object({
              entries: z.array(
                z.object({
                  id: z.string(),
                  at: z.iso.datetime(),
                  who: z.string(),
                  credential: z.string(),
                  from: z
                    .string()
                    .nullable()
                    .describe("Address; null of what earlier releases recorded"),
                  action: z.string(),
                  target: z.string(),
                  outcome: z.string(),
                }),
              ),
              next: z.string().nullable().describe("Null on the last page"),
            }),
            ...errorResponses,
          },
        },
      },
      async ({ query: { limit, target, before } }) => {
        const colon = before?.indexOf(":") ?? -1;
        const found = await parts.access.listAudit({
          limit: limit + 1,
          ...given({ target }),
          ...(before === undefined
            ? {}
            : { before: { at: Number(before.slice(0, colon)), id: before.slice(colon + 1) } }),
        });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        return {
          entries: page.map(({ from = null, ...entry }) => ({
            ...entry,
            from,
            at: iso(entry.at),
          })),
          next: found.length > limit && last !== undefined ? `${last.at}:${last.id}` : null,
        };
      },
    );
  };
