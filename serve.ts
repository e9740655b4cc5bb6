import type { FastifyBaseLogger } from "fastify";
import { keepAudit, openAccess } from "./adapters/access.ts";
import { clock } from "./adapters/clock.ts";
import type { Config } from "./config.ts";
import type { Daemon } from "./daemon.ts";
import type { HaystackError } from "./errors.ts";
import { silentLogger } from "./insight/logging.ts";
import { listen, type Listening } from "./server/listen.ts";
import { SOFTWARE } from "./software.ts";

/** Serves the daemon over HTTP. Errors: those of `listen`, STORE_UNAVAILABLE. */
export async function serve(
  config: Config,
  daemon: Daemon,
  logger: FastifyBaseLogger = silentLogger(),
): Promise<Listening> {
  const onTrouble = ({ code, message }: HaystackError): void => logger.warn({ code }, message);
  const access = await openAccess(config);
  try {
    const { close: _, begin: __, ...parts } = daemon;
    const server = await listen({ ...parts, config, software: SOFTWARE, access, clock, logger });
    const endAudit = keepAudit(config, access, clock, onTrouble);
    return {
      ...server,
      async close() {
        await server.close();
        await endAudit();
        await access.close();
      },
    };
  } catch (thrown) {
    await access.close();
    throw thrown;
  }
}
