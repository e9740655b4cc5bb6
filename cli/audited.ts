import { hostname, userInfo } from "node:os";
import { openAccess } from "../adapters/access.ts";
import type { Config } from "../config.ts";
import { toHaystackError } from "../errors.ts";
import type { AccessStore } from "../services/access/index.ts";

/** Who is at this command line, as far as its machine knows. */
export function whoIsHere(): string {
  try {
    return `command line (${userInfo().username}@${hostname()})`;
  } catch {
    // A container may run as a user that has no name.
    return `command line (user ${process.getuid?.() ?? "unknown"}@${hostname()})`;
  }
}

/** The log of what was done with rights, of one command. */
export interface CommandAudit {
  readonly access: AccessStore;
  /** Records that it begins, does it, and records how it ended. */
  record<Result>(action: string, target: string, work: () => Promise<Result>): Promise<Result>;
}

/** Opens tokens and audit log for a command. What cannot be recorded is not begun. */
export async function withAudit<Result>(
  config: Config,
  work: (audit: CommandAudit) => Promise<Result>,
): Promise<Result> {
  const access = await openAccess(config);
  const tell = (action: string, target: string, outcome: string): Promise<void> =>
    access.recordAudit({
      at: Date.now(),
      who: whoIsHere(),
      credential: "none",
      from: "local",
      action,
      target,
      outcome,
    });
  try {
    return await work({
      access,
      async record(action, target, act) {
        await tell(action, target, "begun");
        try {
          const result = await act();
          await tell(action, target, "done");
          return result;
        } catch (thrown) {
          await tell(action, target, toHaystackError(thrown).code);
          throw thrown;
        }
      },
    });
  } finally {
    await access.close();
  }
}
