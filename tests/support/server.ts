import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import { onTestFinished } from "vitest";
import { loadConfig, type Config } from "../../config.ts";
import { openDaemon, type Daemon } from "../../daemon.ts";
import type { HaystackError } from "../../errors.ts";
import { issueToken } from "../../server/access/tokens.ts";
import { serve } from "../../serve.ts";
import type { Listening } from "../../server/listen.ts";
import type { Role } from "../../services/access/index.ts";

export interface TestServer extends Listening {
  readonly config: Config;
  readonly daemon: Daemon;
  readonly troubles: readonly HaystackError[];
  /** A new bearer token, for AUTH=token; `days` may be negative. */
  token(owner: string, role?: Role, days?: number): Promise<string>;
}

export interface TestServerOptions {
  /** Variables beside those of a quick daemon on any free port. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logger?: FastifyBaseLogger;
  /** A data folder of the caller's, such as one with atlases; a new empty one otherwise. */
  readonly dataDir?: string;
}

/**
 * A daemon that hosts runs and serves HTTP on this machine, closed when the test or `close` ends
 * it. Call it from a test, or close it yourself.
 */
export async function startTestServer({
  env = {},
  logger,
  dataDir,
}: TestServerOptions = {}): Promise<TestServer> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), "haystack-server-")));
  const config = loadConfig(
    { HTTP_PORT: "0", COMPUTE_PROCESSES: "1", POLL_MILLISECONDS: "50", ...env },
    folder,
  );
  const troubles: HaystackError[] = [];
  const daemon = await openDaemon(config, {
    sweeps: true,
    onTrouble: (error) => troubles.push(error),
  });
  const listening = await serve(config, daemon, logger);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await listening.close();
    await daemon.close();
    if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
  };
  const closeOnce = (): Promise<void> => (closing ??= close());
  closeAfterTest(closeOnce);
  return {
    ...listening,
    config,
    daemon,
    troubles,
    async token(owner, role = "user", days = 1) {
      return (await issueToken(listening.parts.access, { owner, role, days, now: Date.now() }))
        .secret;
    },
    close: closeOnce,
  };
}

/** Outside of a test (in beforeAll) the caller closes. */
function closeAfterTest(close: () => Promise<void>): void {
  try {
    onTestFinished(close);
  } catch {
    return;
  }
}
