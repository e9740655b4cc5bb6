import type { Command } from "commander";
import type { CommonOptions } from "../common.ts";
import { addServerOptions, type PlaceOptions } from "../options.ts";
import { note, print } from "../output.ts";
import { openInBrowser } from "../runs/browser.ts";
import { openRunOperations } from "../runs/open.ts";
import type { JobOutputs } from "../../server/runs/schemas.ts";

type Options = CommonOptions & PlaceOptions;

const heading = ({ job_id, iteration, kind, attempt, state }: JobOutputs["jobs"][number]): string =>
  `== ${job_id}: iteration ${iteration}, ${kind}, attempt ${attempt}, ${state}`;

const outputOf = ({ output, elsewhere }: JobOutputs["jobs"][number]): string =>
  elsewhere ??
  (output === null || output.trim() === "" ? "The program said nothing." : output.trimEnd());

/** `logs` and `open`: what lies behind a run. */
export function addInspectRunCommands(program: Command): void {
  addServerOptions(program.command("logs"))
    .description("Show what the inference program of a run said, attempt by attempt.")
    .argument("<run-id>", "id of the run, or how it begins")
    .action(async (runId: string, options: Options) => {
      const runs = await openRunOperations(options);
      const logs = await runs.logs(await runs.find(runId));
      print(
        options.json === true,
        logs,
        logs.jobs.length === 0
          ? "The run has begun no inference job yet."
          : logs.jobs
              .map((job) =>
                [
                  heading(job),
                  outputOf(job),
                  ...(job.problem === null ? [] : [`Problem: ${job.problem}`]),
                ].join("\n"),
              )
              .join("\n\n"),
      );
    });

  addServerOptions(program.command("open"))
    .description("Open the report of a completed run in the browser.")
    .argument("<run-id>", "id of the run, or how it begins")
    .action(async (runId: string, options: Options) => {
      const runs = await openRunOperations(options);
      const run_id = await runs.find(runId);
      const report = await runs.report(run_id);
      const opened = await openInBrowser(report);
      if (!opened) note("There is no browser to open it in; this is the file of the report.");
      print(options.json === true, { run_id, report, opened }, report);
    });
}
