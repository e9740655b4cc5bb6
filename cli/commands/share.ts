import type { Command } from "commander";
import type { CommonOptions } from "../common.ts";
import { addServerOptions, type PlaceOptions } from "../options.ts";
import { print } from "../output.ts";
import { openRunOperations } from "../runs/open.ts";

type Options = CommonOptions & PlaceOptions;

const COMMANDS = [
  ["share", "Let another user read a run: its results, report, files and logs, and no more."],
  ["unshare", "Take back that another user may read a run; what they have open of it ends."],
] as const;

/** `share` and `unshare`: who else may read a run. */
export function addShareCommands(program: Command): void {
  for (const [name, description] of COMMANDS)
    addServerOptions(program.command(name))
      .description(description)
      .argument("<run-id>", "id of the run, or how it begins")
      .argument("<user>", "e-mail address that the user signs in with")
      .action(async (runId: string, user: string, options: Options) => {
        const runs = await openRunOperations(options);
        const run_id = await runs.find(runId);
        const shared_with = await runs[name](run_id, user);
        print(
          options.json === true,
          { run_id, shared_with },
          `${run_id}: ${shared_with.length === 0 ? "shared with nobody" : `shared with ${shared_with.join(", ")}`}`,
        );
      });
}
