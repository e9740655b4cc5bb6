import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { errorBody, HaystackError } from "../../errors.ts";
import { isRunId } from "../../machines/job-id.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { aboutRun } from "../../insight/logging.ts";
import { readinessOf, readinessSchema } from "./readiness.ts";

const tags = ["health"];
const aliveSchema = z.object({ status: z.literal("alive") });
const readySchema = z.object({ status: z.literal("ready") });
const NOT_READY = errorBody(
  new HaystackError(
    "NOT_READY",
    "This daemon is not ready; administrators find the reason at /admin/readiness.",
    { details: { status: "not_ready" } },
  ),
);
const NUMBERS = {
  description: "In the text format of Prometheus",
  content: { "text/plain": { schema: z.string() } },
};

/**
 * Health for load balancers and numbers for Prometheus. The public hears no more than yes or no.
 */
export const insightRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { metrics } = parts;
    const readiness = readinessOf(parts);
    const probe = { access: "public", rateLimit: false } as const;

    app.get(
      "/livez",
      {
        config: probe,
        schema: {
          summary: "Whether the daemon is alive",
          tags,
          response: { 200: aliveSchema, ...errorResponses },
        },
      },
      async () => ({ status: "alive" as const }),
    );

    app.get(
      "/readyz",
      {
        config: probe,
        schema: {
          summary: "Whether the daemon is ready",
          tags,
          response: { 200: readySchema, ...errorResponses },
        },
      },
      async (_, reply) => {
        const { ready } = await readiness();
        return ready ? { status: "ready" as const } : reply.code(503).send(NOT_READY);
      },
    );

    app.get(
      "/admin/readiness",
      {
        config: { access: "admin" },
        schema: {
          summary: "The parts that the daemon needs, and the state of each",
          tags,
          response: { 200: readinessSchema, ...errorResponses },
        },
      },
      () => readiness(),
    );

    if (metrics === undefined) return;
    app.get(
      "/metrics",
      {
        config: { access: parts.config.METRICS === "public" ? "public" : "admin" },
        schema: {
          summary: "Metrics for Prometheus",
          tags,
          response: { 200: NUMBERS, ...errorResponses },
        },
      },
      async (_, reply) =>
        reply
          .header("content-type", metrics.registry.contentType)
          .send(await metrics.registry.metrics()),
    );
  };

const QUIET = new Set(["/livez", "/readyz", "/metrics"]);

const ABOUT_A_RUN = /\/(runs|replay)\/:id(\/|$)/;

/**
 * The run that the address names, for a line of the log; an address that can name no run adds
 * nothing.
 */
export function aboutAddress({
  params,
  routeOptions,
}: Pick<FastifyRequest, "params" | "routeOptions">): Partial<ReturnType<typeof aboutRun>> {
  const { id } = (params ?? {}) as { readonly id?: string };
  return id !== undefined && isRunId(id) && ABOUT_A_RUN.test(routeOptions.url ?? "")
    ? aboutRun(id)
    : {};
}

/** As access logs of proxies call a request whose asker left before the answer. */
const LEFT = 499;
const SWITCHED = 101;

const statusOf = ({ ws }: FastifyRequest, { raw, statusCode }: FastifyReply): number =>
  raw.headersSent ? statusCode : ws ? SWITCHED : LEFT;

/**
 * Counts every request and writes a line for it when it is over, also when its reader has left.
 * Addresses are shown as their route; of what stands in them only the id of a run.
 */
export function watchRequests(
  app: FastifyInstance,
  { metrics, logger }: Pick<ServerParts, "metrics" | "logger">,
): void {
  const write = (request: FastifyRequest, reply: FastifyReply): void => {
    const { method, id } = request;
    const route = request.routeOptions.url ?? "unknown";
    const status = statusOf(request, reply);
    metrics?.request({ method, route, status, seconds: reply.elapsedTime / 1_000 });
    const level = QUIET.has(route) ? "debug" : "info";
    logger[level](
      {
        ...aboutAddress(request),
        request_id: id,
        method,
        route,
        status,
        milliseconds: Math.round(reply.elapsedTime),
      },
      `${method} ${route} ${status}`,
    );
  };
  app.addHook(
    "onRequest",
    async (request, reply) => void reply.raw.once("close", () => write(request, reply)),
  );
}
