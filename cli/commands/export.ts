import { resolve } from "node:path";
import type { Command } from "commander";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { readConfig } from "../configuration.ts";
import { print } from "../output.ts";
import { withProgress } from "../progress.ts";

/** Differences that are printed; --json has all. */
const SHOWN = 20;

export function addExportCommands(program: Command, setExitCode: SetExitCode): void {
  program
    .command("export")
    .description("Put everything that it takes to do a run again into a folder with checksums.")
    .argument("<run-id>", "the run, or the beginning of its id")
    .argument("<folder>", "folder of the export: empty, or not there yet")
    .action(async (given: string, folder: string, options: CommonOptions) => {
      const config = readConfig(options.dataDir);
      const [{ openRuns }, { exportRun }, { findRun }, { MOST_CANDIDATES, theRunId }] =
        await Promise.all([
          import("../../adapters/runs.ts"),
          import("../../adapters/run-archive.ts"),
          import("../find-run.ts"),
          import("../../actors/find-run-id.ts"),
        ]);
      const runs = await openRuns(config);
      try {
        const runId = theRunId(given, await runs.list({ id: given, limit: MOST_CANDIDATES }));
        const manifest = await exportRun(config, {
          runs,
          record: await findRun(runs, runId),
          folder,
        });
        const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
        print(
          options.json === true,
          {
            run_id: runId,
            folder: resolve(folder),
            files: manifest.files.length,
            bytes,
            sha256: manifest.sha256,
          },
          `Run ${runId} is in ${resolve(folder)}: ${manifest.files.length} files, ${(bytes / 1e6).toFixed(1)} MB. Do it again with: haystack reproduce ${folder}`,
        );
      } finally {
        await runs.close();
      }
    });

  program
    .command("reproduce")
    .description(
      "Do an exported run again, in a data folder of its own, and compare the answers value by value: exit code 0 if they are the same, else 1.",
    )
    .argument("<folder>", "folder of the export")
    .action(async (folder: string, options: CommonOptions) => {
      const config = readConfig(options.dataDir);
      const { reproduce } = await import("../reproduce.ts");
      const found = await withProgress((progress) => reproduce(config, folder, progress));
      if (found === undefined) return setExitCode(130);
      const { run_id, same, differences } = found;
      const lines = differences
        .slice(0, SHOWN)
        .map(
          ({ where, before, now, values }) =>
            `${where}: was ${before}, is ${now}${values > 1 ? ` (and ${values - 1} more values)` : ""}`,
        );
      print(
        options.json === true,
        found,
        same
          ? `Run ${run_id} gives the same: every value of its predictions, log and document.`
          : [
              `Run ${run_id} gives something else in ${differences.length} places:`,
              ...lines,
              ...(differences.length > SHOWN
                ? [`... and ${differences.length - SHOWN} more (--json lists all)`]
                : []),
            ].join("\n"),
      );
      setExitCode(same ? 0 : 1);
    });
}
