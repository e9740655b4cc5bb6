import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ServerParts } from "../parts.ts";
import { userEmailOf } from "./ownership.ts";

/** For so long a look stands for those that follow it. */
const LOOK_MS = 600_000;
/** Looks that are remembered; beyond them the oldest is recorded again. */
const MOST_LOOKS = 10_000;
const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const OF_A_RUN = /\/(?:runs|replay)\/:id(?:\/|$)/;
/** They tell of no run. */
const OF_NOBODY: ReadonlySet<string> = new Set([
  "/metrics",
  "/admin/readiness",
  "/admin/audit",
  "/admin/uploads",
]);

type Reading = Pick<FastifyRequest, "identity" | "ip" | "params" | "query" | "routeOptions">;

/**
 * What a request shows an administrator that is not their own: a run, or a route over all users;
 * undefined for what is.
 */
async function othersIn({ runs }: ServerParts, request: Reading): Promise<string | undefined> {
  const { identity, params, query, routeOptions } = request;
  const { url = "", config } = routeOptions;
  const { id } = (params ?? {}) as { readonly id?: string };
  if (id !== undefined && OF_A_RUN.test(url)) {
    const record = await runs.get(id);
    return record === undefined ||
      record.document.user_email?.toLowerCase() === userEmailOf(identity)
      ? undefined
      : id;
  }
  const isOverAll =
    config.access === "admin" || (query as { readonly all?: string } | null)?.all === "true";
  return isOverAll && !OF_NOBODY.has(url) ? url : undefined;
}

/**
 * Records, before it is shown, that an administrator looks at what is somebody else's; once in ten
 * minutes, as pages and scripts ask again and again. What cannot be recorded is not shown. Without
 * sign-in there are no others.
 */
export function recordLooks(app: FastifyInstance, parts: ServerParts): void {
  const { access, clock } = parts;
  const recorded = new Map<string, number>();
  app.addHook("preHandler", async (request) => {
    const { identity, ip, method } = request;
    if (!READING.has(method) || identity.role !== "admin" || identity.until === null) return;
    const target = await othersIn(parts, request);
    if (target === undefined) return;
    const key = JSON.stringify([identity.credential, identity.owner, ip, target]);
    const now = clock.now();
    if (now - (recorded.get(key) ?? Number.NEGATIVE_INFINITY) < LOOK_MS) return;
    await access.recordAudit({
      at: now,
      who: identity.owner,
      credential: identity.credential,
      from: ip,
      action: "look",
      target,
      outcome: "begun",
    });
    recorded.delete(key);
    recorded.set(key, now);
    const [oldest] = recorded.keys();
    if (recorded.size > MOST_LOOKS && oldest !== undefined) recorded.delete(oldest);
  });
}
