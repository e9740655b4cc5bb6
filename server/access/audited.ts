import type { FastifyRequest } from "fastify";
import { toHaystackError } from "../../errors.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { ServerParts } from "../parts.ts";
import { userEmailOf } from "./ownership.ts";

type Asked = Pick<FastifyRequest, "identity" | "ip">;
type AuditParts = Pick<ServerParts, "access" | "clock" | "logger">;

/**
 * Does what an administrator asked for and records who asked, for what, when, and how it ended.
 * What cannot be recorded is not begun.
 */
export type Audited = <Result>(
  request: Asked,
  action: string,
  target: string,
  work: () => Promise<Result>,
) => Promise<Result>;

export function audited({ access, clock, logger }: AuditParts): Audited {
  return async ({ identity, ip }, action, target, work) => {
    const record = (outcome: string): Promise<void> =>
      access.recordAudit({
        at: clock.now(),
        who: identity.owner,
        credential: identity.credential,
        from: ip,
        action,
        target,
        outcome,
      });
    /** The work stands, and that it was begun is recorded. */
    const recordEnd = (outcome: string): Promise<void> =>
      record(outcome).catch((thrown: unknown) =>
        logger.error(
          { err: toHaystackError(thrown), action, target, outcome },
          "the outcome of an administrator's action could not be recorded",
        ),
      );
    await record("begun");
    let result;
    try {
      result = await work();
    } catch (thrown) {
      await recordEnd(toHaystackError(thrown).code);
      throw thrown;
    }
    await recordEnd("done");
    return result;
  };
}

/** Does what was asked for, and records it when the run is somebody else's. */
export function auditedForOthers(
  parts: AuditParts,
): <Result>(
  request: Asked,
  action: string,
  run: Pick<RunDocument, "run_id" | "user_email">,
  work: () => Promise<Result>,
) => Promise<Result> {
  const audit = audited(parts);
  return (request, action, run, work) =>
    (run.user_email?.toLowerCase() ?? null) === userEmailOf(request.identity)
      ? work()
      : audit(request, action, run.run_id, work);
}
