import { createHash } from "node:crypto";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { SCRIPT } from "../../science/report/page-parts.ts";

/**
 * The frame in which the window shows a report. It is of no origin and reaches nothing: it is handed
 * the report by the window, as what it says may come from other programs. Of scripts it runs its own
 * and that of reports of this release, which the reports' own policy allows too.
 */
const TAKES_THE_REPORT = `addEventListener("message", ({ source, data }) => {
  if (source !== parent || typeof data !== "string") return;
  document.open();
  document.write(data);
  document.close();
});
parent.postMessage("ready", "*");
`;

const PAGE = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Report</title></head><body><script>${TAKES_THE_REPORT}</script></body></html>`;

const own = `'sha256-${createHash("sha256").update(TAKES_THE_REPORT).digest("base64")}'`;

const POLICY = {
  // It has no origin to be kept apart by.
  originAgentCluster: false,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      sandbox: [
        "allow-scripts",
        "allow-downloads",
        "allow-popups",
        "allow-popups-to-escape-sandbox",
      ],
      defaultSrc: ["'none'"],
      scriptSrc: [own, SCRIPT.source],
      styleSrc: ["'unsafe-inline'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'self'"],
    },
  },
};

export const reportFrameRoutes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    "/window/report",
    { config: { access: "public" }, schema: { hide: true }, helmet: POLICY },
    (_, reply) =>
      reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(PAGE),
  );
};
