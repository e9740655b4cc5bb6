import type { FastifyInstance } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { readinessOf, readinessSchema } from "./readiness.ts";

const tags = ["health"];
const aliveSchema = z.object({ status: z.literal("alive") });
const readySchema = z.object({ status: z.enum(["ready", "not_ready"]) });
const NUMBERS = { description: "In the text format of Prometheus", content: { "text/plain": { schema: z.string() } } };

/** Health for load balancers and numbers for Prometheus. The public hears no more than yes or no. */
export const insightRoutes = (parts: ServerParts): FastifyPluginAsyncZod => async (app) => {
  const { metrics } = parts;
  const readiness = readinessOf(parts);
  const probe = { access: "public", rateLimit: false } as const;

  app.get("/livez", { config: probe, schema: { summary: "Whether the daemon answers at all", tags, response: { 200: aliveSchema, ...errorResponses } } }, async () => ({ status: "alive" as const }));

  app.get(
    "/readyz",
    { config: probe, schema: { summary: "Whether the daemon can do its work", tags, response: { 200: readySchema, ...errorResponses, 503: readySchema } } },
    async (_, reply) => {
      const { ready } = await readiness();
      return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not_ready" });
    },
  );

  app.get("/admin/readiness", { config: { access: "admin" }, schema: { summary: "What the daemon needs, and how it stands", tags, response: { 200: readinessSchema, ...errorResponses } } }, () => readiness());

  if (metrics === undefined) return;
  app.get(
    "/metrics",
    { config: { access: parts.config.METRICS === "public" ? "public" : "admin" }, schema: { summary: "Numbers for Prometheus", tags, response: { 200: NUMBERS, ...errorResponses } } },
    async (_, reply) => reply.header("content-type", metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
};

const QUIET = new Set(["/livez", "/readyz", "/metrics"]);

/** Counts every answer and writes a line for it. Addresses are shown as their route, without what stands in them. */
export function watchRequests(app: FastifyInstance, { metrics, logger }: Pick<ServerParts, "metrics" | "logger">): void {
  app.addHook("onResponse", async ({ method, id, routeOptions }, reply) => {
    const { statusCode: status, elapsedTime } = reply;
    const route = routeOptions.url ?? "unknown";
    metrics?.request({ method, route, status, seconds: elapsedTime / 1_000 });
    const level = QUIET.has(route) ? "debug" : "info";
    logger[level]({ request_id: id, method, route, status, milliseconds: Math.round(elapsedTime) }, `${method} ${route} ${status}`);
  });
}
