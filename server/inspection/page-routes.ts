import { readFile } from "node:fs/promises";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

/** The page holds no data; what it shows it asks for as the user who looks at it. */
const FILES = {
  "/inspector": ["index.html", "text/html; charset=utf-8"],
  "/inspector/inspector.css": ["inspector.css", "text/css; charset=utf-8"],
  "/inspector/inspector.js": ["inspector.js", "text/javascript; charset=utf-8"],
  "/inspector/event-stream.js": ["event-stream.js", "text/javascript; charset=utf-8"],
  "/inspector/statechart.js": ["statechart.js", "text/javascript; charset=utf-8"],
  "/inspector/icon.svg": ["icon.svg", "image/svg+xml"],
} as const;

const OWN_FILES_ONLY = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
  },
};

/** A page that draws the machine and the live state of a run. */
export const inspectorPageRoutes =
  (): FastifyPluginAsyncZod =>
  async (app) => {
    for (const [url, [name, type]] of Object.entries(FILES)) {
      const content = await readFile(new URL(`page/${name}`, import.meta.url));
      app.get(url, { config: { access: "public" }, schema: { hide: true }, helmet: OWN_FILES_ONLY }, (_request, reply) => reply.type(type).header("cache-control", "no-cache").send(content));
    }
  };
