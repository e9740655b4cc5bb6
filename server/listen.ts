import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { openAccess } from "../adapters.ts";
import type { Config } from "../config.ts";
import { type Daemon, SOFTWARE } from "../daemon.ts";
import { HaystackError } from "../errors.ts";
import { systemClock } from "../services/clock/system.ts";
import { createServer } from "./app.ts";
import { silentLogger } from "../insight/logging.ts";
import type { ServerParts } from "./parts.ts";

export interface Listening {
  readonly app: FastifyInstance;
  readonly parts: ServerParts;
  /** As a client on this machine writes it, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, ends the event streams and lets answers under way finish. */
  close(): Promise<void>;
}

/** Answers that take longer are cut off when the server closes. */
const CLOSE_MS = 5_000;

/** Serves the daemon over HTTP. Errors: CONFIG_INVALID when nothing can listen at that address. */
export async function listen(
  config: Config,
  daemon: Daemon,
  logger: FastifyBaseLogger = silentLogger(),
): Promise<Listening> {
  const access = await openAccess(config);
  try {
    const {
      runs,
      supervisor,
      objects,
      atlases,
      knowledge,
      compute,
      batch,
      commits,
      inspection,
      jobEvents,
      metrics,
    } = daemon;
    const parts: ServerParts = {
      config,
      software: SOFTWARE,
      runs,
      supervisor,
      objects,
      atlases,
      knowledge,
      compute,
      batch,
      commits,
      inspection,
      access,
      clock: systemClock,
      logger,
      jobEvents,
      ...(metrics === undefined ? {} : { metrics }),
    };
    const app = await createServer(parts);
    const url = await app
      .listen({ host: config.HTTP_HOST, port: config.HTTP_PORT })
      .catch((thrown: unknown) => {
        throw new HaystackError(
          "CONFIG_INVALID",
          `HTTP_HOST ${config.HTTP_HOST} and HTTP_PORT ${config.HTTP_PORT} cannot be listened at (${thrown instanceof Error ? thrown.message : String(thrown)}); choose another port, or 0 for any.`,
          { cause: thrown },
        );
      });
    return {
      app,
      parts,
      url,
      async close() {
        const impatient = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
        await app.close();
        clearTimeout(impatient);
        await access.close();
      },
    };
  } catch (thrown) {
    await access.close();
    throw thrown;
  }
}
