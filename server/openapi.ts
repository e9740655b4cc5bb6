import fastifySwagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { errorResponses } from "./errors.ts";
import type { ServerParts } from "./parts.ts";

const SCHEMES = {
  token: {
    bearer: {
      type: "http",
      scheme: "bearer",
      description: "A token created with `haystack token create`",
    },
  },
  iap: {
    iap: {
      type: "apiKey",
      in: "header",
      name: "x-goog-iap-jwt-assertion",
      description: "Set by Google's Identity-Aware Proxy",
    },
  },
  none: {},
} as const;

/** As in getRunsRunIdEvents, from what the route is. */
const operationId = (method: string, url: string): string => {
  const words = url
    .replace(/^\/api\/v1/, "")
    .split(/[^a-z0-9]+/i)
    .filter((word) => word !== "");
  return [
    method.toLowerCase(),
    ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)),
  ].join("");
};

/** The description is made of the routes' own schemas; what all operations share is added here. */
export async function describeApi(
  app: FastifyInstance,
  { config, software }: ServerParts,
): Promise<void> {
  const schemes = SCHEMES[config.AUTH];
  const security = Object.keys(schemes).map((name) => ({ [name]: [] }));
  app.addHook("onRoute", (route) => {
    const { schema, config: settings, url, method } = route;
    if (typeof method !== "string") return;
    route.schema = {
      operationId: operationId(method, url),
      ...schema,
      security: settings?.access === "public" ? [] : security,
      response: { ...errorResponses, ...(schema?.response as object | undefined) },
    };
  });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "HAYSTACK",
        version: software.version,
        description:
          "Predict how cells respond to a perturbation. Times are ISO 8601 in UTC; all errors have the same form.",
      },
      components: { securitySchemes: schemes },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  app.get("/api/v1/openapi.json", { config: { access: "public" }, schema: { hide: true } }, () =>
    app.swagger(),
  );
}
