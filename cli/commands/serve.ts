import { flushCompileCache } from "node:module";
import type { Command } from "commander";
import { redactor } from "../../config.ts";
import { readConfig } from "../configuration.ts";
import { hint } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";

export function addServeCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command("serve")
    .description(
      "Host runs and serve the HTTP API until stopped; SIGTERM or Ctrl-C shuts down cleanly.",
    )
    .action(async (options: CommonOptions) => {
      const config = readConfig(options.dataDir);
      // What it writes is its own; programs that it starts write for it.
      process.umask(0o077);
      const [{ openDaemon }, { serve }, { createLogger, logInstruments, logTroubles }, { clock }] =
        await Promise.all([
          import("../../daemon.ts"),
          import("../../serve.ts"),
          import("../../insight/logging.ts"),
          import("../../adapters/clock.ts"),
        ]);
      const redact = redactor(config);
      const logger = createLogger({
        level: config.LOG_LEVEL,
        format: config.LOG_FORMAT,
        write: (line) => hint(redact(line)),
      });
      const stopped = Promise.withResolvers<void>();
      let signals = 0;
      const onSignal = (): void => {
        signals += 1;
        if (signals > 1) process.exit(1);
        stopped.resolve();
      };
      process.on("SIGTERM", onSignal);
      process.on("SIGINT", onSignal);
      const daemon = await openDaemon(config, {
        sweeps: true,
        waitsToBegin: true,
        instruments: logInstruments(logger),
        onTrouble: logTroubles(logger, clock),
        onNotice: (sentence) => logger.info(sentence),
      });
      const server = await serve(config, daemon, logger).catch(async (thrown: unknown) => {
        await daemon.close();
        throw thrown;
      });
      logger.info(
        { url: server.url },
        `haystack ${process.pid} hosts the runs of ${config.dataDir} and answers at ${server.url}`,
      );
      await daemon.begin();
      flushCompileCache();
      await stopped.promise;
      logger.info("Draining: no new step starts, and leases are released.");
      const grace = setTimeout(() => {
        logger.warn(
          `The grace period of ${config.GRACE_SECONDS} seconds is over; unfinished steps start again when the runs are next hosted.`,
        );
        process.exit(0);
      }, config.GRACE_SECONDS * 1_000);
      await server.close();
      await daemon.close();
      clearTimeout(grace);
      setExitCode(0);
    });
}
