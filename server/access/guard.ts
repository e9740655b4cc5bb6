import type { FastifyInstance } from "fastify";
import { HaystackError } from "../../errors.ts";
import { failureLimit } from "../limits.ts";
import type { Access, ServerParts } from "../parts.ts";
import { createOpenRequests } from "./open-requests.ts";
import { identifier } from "./identify.ts";
import { refuseForeignPages } from "./origin.ts";
import { NOBODY } from "./ownership.ts";

export interface GuardedRoute {
  readonly method: string;
  readonly url: string;
  readonly access: Access;
}

declare module "fastify" {
  interface FastifyInstance {
    /** Every route with who may ask. */
    guardedRoutes: GuardedRoute[];
  }
}

/**
 * Every route says who may ask, and only they reach it: a route that does not is refused when the
 * server is made. First comes who asks, then the limit of requests, then whether that is enough;
 * the body is read after all of them.
 */
export function guardAccess(app: FastifyInstance, parts: ServerParts): void {
  const identify = identifier(parts);
  const countFailure = failureLimit(app, parts);
  const checkOrigin = refuseForeignPages(parts.config);
  const open = createOpenRequests(parts);
  app.addHook("onClose", async () => open.close());
  app.decorateRequest("identity");
  app.decorateRequest("sharedRuns");
  app.decorate("guardedRoutes", []);
  app.addHook("onRoute", ({ method, url, config }) => {
    const access = config?.access;
    if (access === undefined)
      throw new HaystackError(
        "INTERNAL",
        `The route ${String(method)} ${url} does not say who may ask; give it config.access.`,
      );
    if (config?.refusesMethod === true) return;
    for (const each of [method].flat()) app.guardedRoutes.push({ method: each, url, access });
  });
  app.addHook("onRequest", async (request, reply) => {
    request.identity = NOBODY;
    request.sharedRuns = new Set();
    checkOrigin(request);
    const { access } = request.routeOptions.config;
    if (access === undefined || access === "public") return;
    try {
      request.identity = await identify(request);
    } catch (thrown) {
      if (thrown instanceof HaystackError && thrown.code === "UNAUTHENTICATED")
        await countFailure(request);
      throw thrown;
    }
    const { raw } = reply;
    const cut = (): void => {
      if (request.endAccess === undefined) raw.destroy();
      else request.endAccess();
    };
    const connection = request.ws ? request.raw.socket : raw;
    connection.once("close", open.watch(request, cut));
  });
  app.addHook("preParsing", async (request) => {
    if (request.routeOptions.config.access === "admin" && request.identity.role !== "admin")
      throw new HaystackError("FORBIDDEN", "Only administrators may do this; ask one of them.");
  });
}
