import type { FastifyInstance } from "fastify";
import { HaystackError } from "../errors.ts";

/**
 * Known addresses refuse methods that they do not have by 405 and say which they have. Call it
 * after all routes.
 */
export function refuseOtherMethods(app: FastifyInstance): void {
  const byUrl = Map.groupBy(app.guardedRoutes, ({ url }) => url);
  for (const [url, routes] of byUrl) {
    if (url.includes("*")) continue;
    const allowed = routes.map(({ method }) => method);
    const others = app.supportedMethods.filter((method) => !allowed.includes(method));
    app.route({
      method: others,
      url,
      config: { access: "public", refusesMethod: true },
      schema: { hide: true },
      // After the limit of requests, which counts these too, and before a body is read.
      async preParsing(_, reply) {
        void reply.header("allow", allowed.join(", "));
        throw new HaystackError(
          "METHOD_NOT_ALLOWED",
          `This address does not support this method; use ${allowed.join(" or ")}.`,
        );
      },
      handler: (_, reply) => reply.send(),
    });
  }
}
