import "../zod-words.ts";
import fastifyCors from "@fastify/cors";
import fastifyHelmet from "@fastify/helmet";
import Fastify, { LogController, type FastifyInstance, type RouteOptions } from "fastify";
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { listed } from "../config.ts";
import { guardAccess } from "./access/guard.ts";
import { recordLooks } from "./access/looks.ts";
import { recordRefusals } from "./access/refusals.ts";
import { daemonRoutes } from "./admin/daemon.ts";
import { machineRoutes } from "./admin/machines.ts";
import { quarantineRoutes } from "./admin/quarantine.ts";
import { runActionRoutes } from "./admin/run-actions.ts";
import { adminRunRoutes } from "./admin/runs.ts";
import { adminShareRoutes } from "./admin/shares.ts";
import { spendingRoutes } from "./admin/spending.ts";
import { stuckRoutes } from "./admin/stuck.ts";
import { uploadRoutes } from "./admin/uploads.ts";
import { atlasRoutes } from "./atlas/routes.ts";
import { answerClientError, errorAnswer, handleErrors } from "./error-handler.ts";
import { eventRoutes } from "./events/routes.ts";
import { insightRoutes, watchRequests } from "./insight/routes.ts";
import { inspectionRoutes } from "./inspection/routes.ts";
import { allowSockets, isSocketRequest } from "./inspection/sockets.ts";
import { limitRequests } from "./limits.ts";
import { refuseOtherMethods } from "./methods.ts";
import { describeApi } from "./openapi.ts";
import type { RouteModule, ServerParts } from "./parts.ts";
import { questionRoutes } from "./questions/routes.ts";
import { fileRoutes } from "./runs/files.ts";
import { listRoutes } from "./runs/list.ts";
import { logRoutes } from "./runs/logs.ts";
import { resultRoutes } from "./runs/result.ts";
import { runRoutes } from "./runs/run.ts";
import { shareRoutes } from "./runs/shares.ts";
import { submitRoutes } from "./runs/submit.ts";
import { reportFrameRoutes } from "./window/report-frame.ts";
import { windowRoutes } from "./window/routes.ts";
import { sessionRoutes } from "./window/session.ts";

/** Every group of routes, one line each. */
const ROUTES: readonly RouteModule[] = [
  { prefix: "", routes: insightRoutes },
  { prefix: "/api/v1", routes: submitRoutes },
  { prefix: "/api/v1", routes: listRoutes },
  { prefix: "/api/v1", routes: runRoutes },
  { prefix: "/api/v1", routes: resultRoutes },
  { prefix: "/api/v1", routes: logRoutes },
  { prefix: "/api/v1", routes: fileRoutes },
  { prefix: "/api/v1", routes: shareRoutes },
  { prefix: "/api/v1", routes: eventRoutes },
  { prefix: "/api/v1", routes: atlasRoutes },
  { prefix: "/api/v1", routes: questionRoutes },
  { prefix: "/admin", routes: daemonRoutes },
  { prefix: "/admin", routes: machineRoutes },
  { prefix: "/admin", routes: adminRunRoutes },
  { prefix: "/admin", routes: runActionRoutes },
  { prefix: "/admin", routes: adminShareRoutes },
  { prefix: "/admin", routes: stuckRoutes },
  { prefix: "/admin", routes: spendingRoutes },
  { prefix: "/admin", routes: quarantineRoutes },
  { prefix: "/admin", routes: uploadRoutes },
  { prefix: "", routes: inspectionRoutes },
  { prefix: "/api/v1", routes: sessionRoutes },
  { prefix: "", routes: (parts) => windowRoutes(parts) },
  { prefix: "", routes: () => reportFrameRoutes },
];

/** Nothing may be loaded or framed; a page that needs more says so in its route's `helmet`. */
const NOTHING = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

const LONGEST_PARAMETER = 300;

/**
 * The whole HTTP application; it listens nowhere yet. `onRoute` is told of every route. Throws when
 * a route does not say who may ask.
 */
export async function createServer(
  parts: ServerParts,
  routes: readonly RouteModule[] = ROUTES,
  onRoute?: (route: RouteOptions) => void,
): Promise<FastifyInstance> {
  const { config, logger } = parts;
  const requestMs = config.HTTP_REQUEST_SECONDS * 1_000;
  const answer = errorAnswer(parts);
  const proxies = listed(config.HTTP_TRUST_PROXY);
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.HTTP_BODY_BYTES,
    requestTimeout: requestMs,
    http: {
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: Math.min(1_000, requestMs / 2),
      shouldUpgradeCallback: isSocketRequest,
    },
    trustProxy: proxies.length === 0 ? false : proxies,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    return503OnClosing: false,
    frameworkErrors: (thrown, request, reply) => void answer(thrown, request, reply),
    clientErrorHandler: answerClientError,
  });
  if (onRoute !== undefined) app.addHook("onRoute", onRoute);
  watchRequests(app, parts);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // A form of another web site can send plain text here, but not JSON.
  app.removeContentTypeParser("text/plain");
  await app.register(fastifyHelmet, { contentSecurityPolicy: NOTHING });
  const origins = listed(config.CORS_ORIGINS);
  if (origins.length > 0)
    await app.register(fastifyCors, {
      origin: origins,
      methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
      exposedHeaders: ["location", "retry-after"],
    });
  app.addHook("onRequest", async (_, reply) => void reply.header("cache-control", "no-store"));
  await allowSockets(app, parts);
  await limitRequests(app, parts);
  guardAccess(app, parts);
  recordLooks(app, parts);
  recordRefusals(app, parts);
  handleErrors(app, answer);
  await describeApi(app, parts);
  for (const { prefix, routes: plugin } of routes)
    await app.withTypeProvider<ZodTypeProvider>().register(plugin(parts), { prefix });
  refuseOtherMethods(app);
  await app.ready();
  return app;
}
