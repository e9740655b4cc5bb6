import { readFile } from "node:fs/promises";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { ownFile } from "../../own-files.ts";

/** The pages hold no data; what they show they ask for as the user who looks at them. */
const FILES = {
  "/run": ["run.html", "text/html; charset=utf-8"],
  "/inspector": ["inspector.html", "text/html; charset=utf-8"],
  "/pages/pages.css": ["pages.css", "text/css; charset=utf-8"],
  "/pages/run.js": ["run.js", "text/javascript; charset=utf-8"],
  "/pages/inspector.js": ["inspector.js", "text/javascript; charset=utf-8"],
  "/pages/session.js": ["session.js", "text/javascript; charset=utf-8"],
  "/pages/event-stream.js": ["event-stream.js", "text/javascript; charset=utf-8"],
  "/pages/statechart.js": ["statechart.js", "text/javascript; charset=utf-8"],
  "/pages/icon.svg": ["icon.svg", "image/svg+xml"],
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

/**
 * A page that shows its user a run, its result and its files, and one that draws the machine and
 * the live state of a run.
 */
export const pageRoutes = (): FastifyPluginAsyncZod => async (app) => {
  for (const [url, [name, type]] of Object.entries(FILES)) {
    const content = await readFile(ownFile(`server/pages/files/${name}`));
    app.get(
      url,
      { config: { access: "public" }, schema: { hide: true }, helmet: OWN_FILES_ONLY },
      (_request, reply) => reply.type(type).header("cache-control", "no-cache").send(content),
    );
  }
};
