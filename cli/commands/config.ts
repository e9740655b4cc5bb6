import type { Command } from "commander";
import { describeConfig, loadConfig } from "../../config.ts";
import { runConfigSchema } from "../../services/runs/document.ts";
import { print, table } from "../output.ts";
import type { CommonOptions } from "../common.ts";

export function addConfigCommand(program: Command): void {
  program
    .command("config")
    .description("Show the effective configuration, with secrets hidden.")
    .action((options: CommonOptions) => {
      const variables = describeConfig(loadConfig(process.env, options.dataDir));
      const run_defaults = runConfigSchema.parse({});
      const settings = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
      const rows = variables.map(({ name, value, meaning }) => [
        name,
        value === null ? "(unset)" : String(value),
        meaning,
      ]);
      print(
        options.json === true,
        { ...settings, run_defaults },
        `${table(["variable", "value", "meaning"], rows)}\n\nDefaults of a run: ${JSON.stringify(run_defaults)}`,
      );
    });
}
