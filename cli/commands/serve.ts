import type { Command } from "commander";
import { loadConfig } from "../../config.ts";
import { openDaemon } from "../../daemon.ts";
import { note } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../program.ts";

export function addServeCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command("serve")
    .description("Host runs until stopped; SIGTERM or Ctrl-C gives them back cleanly.")
    .action(async (options: CommonOptions) => {
      const config = loadConfig(process.env, options.dataDir);
      const stopped = Promise.withResolvers<void>();
      const daemon = await openDaemon(config, { sweeps: true, onTrouble: (error) => note(`haystack: ${error.message}`) });
      let signals = 0;
      const onSignal = (): void => {
        signals += 1;
        if (signals > 1) process.exit(1);
        stopped.resolve();
      };
      process.on("SIGTERM", onSignal);
      process.on("SIGINT", onSignal);
      note(`haystack ${process.pid} hosts the runs of ${config.dataDir}`);
      await stopped.promise;
      note("Draining: no new steps are begun, leases are given back.");
      const grace = setTimeout(() => {
        note(`haystack: the grace time of ${config.GRACE_SECONDS} seconds has passed; unfinished steps begin again elsewhere.`);
        process.exit(0);
      }, config.GRACE_SECONDS * 1_000);
      await daemon.close();
      clearTimeout(grace);
      setExitCode(0);
    });
}
