import type { FastifyRequest } from "fastify";
import { toHaystackError } from "../../errors.ts";
import type { ServerParts } from "../parts.ts";

/** Does what an administrator asked for and records who asked, for what, when, and how it ended. */
export type Audited = <Result>(request: Pick<FastifyRequest, "identity">, action: string, target: string, work: () => Promise<Result>) => Promise<Result>;

export function audited({ access, clock }: Pick<ServerParts, "access" | "clock">): Audited {
  return async ({ identity }, action, target, work) => {
    const record = (outcome: string): Promise<void> => access.recordAudit({ at: clock.now(), who: identity.owner, credential: identity.credential, action, target, outcome });
    let result;
    try {
      result = await work();
    } catch (thrown) {
      await record(toHaystackError(thrown).code);
      throw thrown;
    }
    await record("done");
    return result;
  };
}
