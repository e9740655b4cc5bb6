import { readFile } from "node:fs/promises";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { ownFile } from "../../own-files.ts";
import { OWN_FILES_ONLY } from "../window/policy.ts";

/** The page holds no data; what it shows it asks for as the user who looks at it. */
const FILES = {
  "/inspector": ["inspector.html", "text/html; charset=utf-8"],
  "/pages/pages.css": ["pages.css", "text/css; charset=utf-8"],
  "/pages/inspector.js": ["inspector.js", "text/javascript; charset=utf-8"],
  "/pages/session.js": ["session.js", "text/javascript; charset=utf-8"],
  "/pages/event-stream.js": ["event-stream.js", "text/javascript; charset=utf-8"],
  "/pages/statechart.js": ["statechart.js", "text/javascript; charset=utf-8"],
  "/pages/icon.svg": ["icon.svg", "image/svg+xml"],
} as const;

/** A page that draws the machine and the live state of a run. */
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
