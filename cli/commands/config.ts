import type { Command } from "commander";
import { describeConfig, SECTIONS } from "../../config.ts";
import { runConfigSchema } from "../../services/runs/document.ts";
import type { CommonOptions } from "../common.ts";
import { originOf, readConfig } from "../configuration.ts";
import { print, table } from "../output.ts";

export function addConfigCommand(program: Command): void {
  program
    .command("config")
    .description("Show what is configured and where each setting comes from, with secrets hidden.")
    .option("--all", "also show what has its default, with the meaning of everything")
    .action((options: CommonOptions & { all?: true }) => {
      const settings = describeConfig(readConfig(options.dataDir)).map((setting) => ({
        ...setting,
        origin: originOf(setting.name, options.dataDir),
      }));
      const run_defaults = runConfigSchema.parse({});
      const sections = SECTIONS.flatMap(({ title, names }) => {
        const rows = settings
          .filter(({ name, origin }) => names.has(name) && (options.all || origin !== "default"))
          .map(({ name, value, origin, meaning }) => [
            name,
            value === null ? "(unset)" : String(value),
            origin,
            meaning,
          ]);
        return rows.length === 0 ? [] : [`${title}\n${table(HEADING, rows)}`];
      });
      print(
        options.json === true,
        {
          ...Object.fromEntries(settings.map(({ name, value }) => [name, value])),
          origins: Object.fromEntries(settings.map(({ name, origin }) => [name, origin])),
          run_defaults,
        },
        [
          ...(sections.length === 0
            ? ["Nothing is configured: everything has its default."]
            : sections),
          options.all === true
            ? `Defaults of a run\n${table(
                ["setting", "value"],
                Object.entries(run_defaults).map(([name, value]) => [name, JSON.stringify(value)]),
              )}`
            : "See every variable, its default and its meaning with: haystack config --all",
        ].join("\n\n"),
      );
    });
}

const HEADING = ["variable", "value", "from", "meaning"];
