import { createBackground } from "../actors/supervisor/background.ts";
import { type Config, mongodbOf } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import type { AccessStore, ShareStore } from "../services/access/index.ts";
import type { Clock } from "../services/clock/index.ts";
import { openSqliteAccess } from "../services/access/sqlite.ts";
import { checkRestored, dataFolder, keepPrivate } from "./data-folder.ts";

const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Lets old records of the audit log go, now and every hour; the answer ends it. */
export function keepAudit(
  { RETAIN_AUDIT_DAYS: days }: Config,
  access: AccessStore,
  clock: Clock,
  onTrouble: (error: HaystackError) => void,
): () => Promise<void> {
  const background = createBackground(clock, onTrouble, Math.random);
  if (days !== undefined) {
    const work = (): Promise<unknown> => access.forgetAudit(clock.now() - days * DAY_MS);
    background.run(work());
    background.every(EVERY_MS, work, 0.5);
  }
  return () => background.stop();
}

/** Takes back what is shared of runs that go; opened when the first goes. */
export function sharesOfRuns(
  config: Config,
): Pick<ShareStore, "forgetSharesOf"> & { close(): Promise<void> } {
  let opened: Promise<AccessStore> | undefined;
  return {
    async forgetSharesOf(runIds) {
      if (runIds.length === 0) return;
      opened ??= openAccess(config);
      try {
        await (await opened).forgetSharesOf(runIds);
      } catch (thrown) {
        // It is opened anew where it could not be opened.
        await opened?.catch(() => (opened = undefined));
        throw thrown;
      }
    },
    close: async () => (await opened)?.close(),
  };
}

/** Tokens, shares and the audit log are kept where the runs are. */
export async function openAccess(config: Config): Promise<AccessStore> {
  const mongodb = mongodbOf(config);
  if (mongodb === undefined) {
    checkRestored(config);
    keepPrivate(config);
    return openSqliteAccess({ file: dataFolder(config).access });
  }
  const { openMongoAccess } = await import("../services/access/mongodb.ts");
  return openMongoAccess(mongodb);
}
