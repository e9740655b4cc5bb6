import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openAccess } from "../../adapters/access.ts";
import { simulate } from "../../actors/tasks.ts";
import { loadConfig, type Config } from "../../config.ts";
import { openWorkbench } from "../../workbench.ts";
import { issueToken } from "../../server/access/tokens.ts";
import type { Role } from "../../services/access/index.ts";
import { haystack, type Outcome } from "./command-line.ts";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./hosted-runs.ts";

export interface DaemonPlace {
  readonly config: Config;
  readonly url: string;
  /** New bearer tokens, one for each owner, for AUTH=token. */
  tokens(owners: readonly string[], role: Role): Promise<string[]>;
  /**
   * `haystack serve` in a process of its own, once it answers. What it resolves with ends it; after
   * that it may be started again.
   */
  serve(): Promise<(signal: NodeJS.Signals) => Promise<Outcome>>;
}

/** Puts a small simulated atlas into the data folder. */
export async function simulatedAtlas(folder: string): Promise<Config> {
  const config = loadConfig({ COMPUTE_PROCESSES: "1" }, folder);
  const workbench = await openWorkbench(config);
  const file = join(folder, "simulated.h5ad");
  await simulate({ file, options: { seed: 1, nGenes: 500, cellsPerGroup: 8, nDonors: 2 } });
  await workbench.atlases.import({ source: file });
  await workbench.close();
  return config;
}

/**
 * A data folder with the simulated atlas, and the port at which each daemon on it answers. Gone
 * after the test.
 */
export async function daemonPlace(
  env: Readonly<Record<string, string>> = {},
): Promise<DaemonPlace> {
  const folder = await temporaryFolder();
  const config = await simulatedAtlas(folder);
  const port = String(await freePort());
  const variables = {
    HTTP_PORT: port,
    LOG_FORMAT: "plain",
    DAEMON_ID: "one",
    RECONCILE_SECONDS: "1",
    POLL_MILLISECONDS: "50",
    COMPUTE_PROCESSES: "1",
    ...env,
  };
  return {
    config,
    url: `http://127.0.0.1:${port}`,
    async tokens(owners, role) {
      const access = await openAccess(config);
      const issued = await Promise.all(
        owners.map((owner) => issueToken(access, { owner, role, days: 1, now: Date.now() })),
      );
      await access.close();
      return issued.map(({ secret }) => secret);
    },
    serve: () => serveOn(folder, variables),
  };
}

/**
 * `haystack serve` on a data folder, in a process of its own, once it answers. What it resolves
 * with ends it.
 */
export async function serveOn(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<(signal: NodeJS.Signals) => Promise<Outcome>> {
  const begun = Promise.withResolvers<(signal: NodeJS.Signals) => void>();
  const ended = haystack(["serve", "--data-dir", folder], {
    env,
    onStderr(text, kill) {
      if (text.includes("answers at")) begun.resolve(kill);
    },
  });
  const kill = await Promise.race([
    begun.promise,
    ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  onTestFinished(() => kill("SIGKILL"));
  return (signal) => {
    kill(signal);
    return ended;
  };
}
