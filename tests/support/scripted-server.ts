import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createCommitFeed } from "../../actors/watch/commit-feed.ts";
import { createHousekeeping } from "../../actors/housekeeping.ts";
import { createUploads } from "../../actors/uploads.ts";
import { createInspection } from "../../actors/inspection/inspection.ts";
import type { SupervisorOptions } from "../../actors/supervisor/supervisor.ts";
import { openAccess } from "../../adapters/access.ts";
import { openInference } from "../../adapters/inference.ts";
import { loadConfig } from "../../config.ts";
import { openWorkbench } from "../../workbench.ts";
import { SOFTWARE } from "../../software.ts";
import type { GuardedRoute } from "../../server/access/guard.ts";
import { issueToken } from "../../server/access/tokens.ts";
import { createServer } from "../../server/app.ts";
import { silentLogger } from "../../insight/logging.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { RunCommit } from "../../services/runs/index.ts";
import type { Role } from "../../services/access/index.ts";
import { systemClock } from "../../services/clock/system.ts";
import {
  hostRuns,
  overheard,
  temporaryFolder,
  temporaryStore,
  type HostedRuns,
} from "./hosted-runs.ts";
import { scriptedEffects, type Script, type ScriptedEffects } from "./scripted-effects.ts";

export interface ScriptedServer extends HostedRuns {
  readonly parts: ServerParts;
  readonly effects: ScriptedEffects;
  /** Without a slash at the end. */
  readonly url: string;
  /** The same place for WebSockets. */
  readonly socketUrl: string;
  readonly guarded: readonly GuardedRoute[];
  close(): Promise<void>;
  token(owner: string, role?: Role): Promise<string>;
}

export interface ScriptedServerOptions {
  readonly script?: Partial<Script>;
  readonly env?: Readonly<Record<string, string>>;
  readonly supervisor?: Partial<SupervisorOptions>;
  /** An answer waits for what it is to tell, however long that takes, and nothing ends with time. */
  readonly isPatient?: boolean;
  /** Told of every durable write of a run. */
  readonly onStored?: (commit: RunCommit) => void;
}

/**
 * The whole HTTP application over a real store and supervisor, with scripted effects in place of
 * science. Closed after the test.
 */
export async function startScriptedServer({
  script = {},
  env = {},
  supervisor = {},
  isPatient = false,
  onStored,
}: ScriptedServerOptions = {}): Promise<ScriptedServer> {
  const config = loadConfig(
    { HTTP_PORT: "0", COMPUTE_PROCESSES: "1", POLL_MILLISECONDS: "20", ...env },
    await temporaryFolder(),
  );
  const clock = systemClock;
  const runs = overheard(await temporaryStore(), onStored);
  const workbench = await openWorkbench(config);
  onTestFinished(() => workbench.close());
  const { objects, atlases, knowledge, compute } = workbench;
  const { batch, jobEvents } = await openInference(config, {
    clock,
    objects,
    onTrouble: () => undefined,
  });
  onTestFinished(() => batch.close());
  const access = await openAccess(config);
  onTestFinished(() => access.close());
  const uploads = createUploads({
    folder: join(config.dataDir, "uploads"),
    mostBytes: config.HTTP_UPLOAD_GB * 1_000_000_000,
    atlases,
    compute,
    clock,
    freeBytes: () => undefined,
    onTrouble: () => undefined,
  });
  onTestFinished(() => uploads.close());
  const commits = createCommitFeed(() => undefined);
  const inspection = createInspection(clock, () => undefined);
  const effects = scriptedEffects({ now: () => clock.now(), ...script });
  const hosted = await hostRuns(runs, effects, {
    inspection,
    pollMs: config.POLL_MILLISECONDS,
    ...supervisor,
    onCommitted: commits.publish,
  });
  const parts: ServerParts = {
    config,
    software: SOFTWARE,
    runs,
    supervisor: hosted.supervisor,
    housekeeping: createHousekeeping({
      runs,
      objects,
      batch,
      mail: {},
      shares: access,
      now: () => clock.now(),
      removeLitter: () => Promise.resolve(),
    }),
    asideJobs: { soon: () => undefined },
    objects,
    atlases,
    knowledge,
    compute,
    batch,
    commits,
    inspection,
    access,
    uploads,
    clock: isPatient ? { ...clock, after: () => () => undefined } : clock,
    logger: silentLogger(),
    jobEvents,
  };
  const app = await createServer(parts);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= app.close());
  onTestFinished(close);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    ...hosted,
    parts,
    effects,
    url,
    socketUrl: url.replace(/^http/, "ws"),
    guarded: app.guardedRoutes,
    close,
    token: async (owner, role = "user") =>
      (await issueToken(access, { owner, role, days: 1, now: clock.now() })).secret,
  };
}

/** A gate that a scripted effect can wait at. */
export function gate(): { open(): void; readonly reached: Promise<void>; pass(): Promise<void> } {
  const opened = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  return {
    open: () => opened.resolve(),
    reached: reached.promise,
    pass() {
      reached.resolve();
      return opened.promise;
    },
  };
}
