import type { FastifyInstance } from "fastify";
import { toHaystackError } from "../../errors.ts";
import type { ServerParts } from "../parts.ts";

const MINUTE_MS = 60_000;
/** Refusals of a minute that are kept in the audit log; the daemon's log has all. */
const MOST_A_MINUTE = 60;

/**
 * Tells of every request that was refused for who asks: from where, with which credential, for what.
 */
export function recordRefusals(
  app: FastifyInstance,
  { access, clock, logger }: Pick<ServerParts, "access" | "clock" | "logger">,
): void {
  let minute = 0;
  let kept = 0;
  app.addHook("onSend", async (request, reply) => {
    const { statusCode } = reply;
    if (statusCode !== 401 && statusCode !== 403) return;
    const { identity, ip, method, presented } = request;
    const refused = {
      who: identity.owner,
      credential: presented ?? identity.credential,
      from: ip,
      action: method,
      target: request.routeOptions.url ?? "unknown",
      outcome: statusCode === 401 ? "UNAUTHENTICATED" : "FORBIDDEN",
    };
    logger.warn(
      { ...refused, who: undefined, request_id: request.id, status: statusCode },
      "a request was refused",
    );
    const now = clock.now();
    if (Math.floor(now / MINUTE_MS) !== minute) {
      minute = Math.floor(now / MINUTE_MS);
      kept = 0;
    }
    kept += 1;
    if (kept > MOST_A_MINUTE) return;
    // The refusal stands, recorded or not.
    await access
      .recordAudit({ at: now, ...refused })
      .catch((thrown: unknown) =>
        logger.error({ err: toHaystackError(thrown) }, "a refusal could not be recorded"),
      );
  });
}
