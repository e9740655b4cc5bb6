import type { Command } from "commander";
import { HaystackError } from "../../errors.ts";
import { RUN_STATUSES, type RunDocument, type RunStatus } from "../../services/runs/document.ts";
import { exitCodeOf } from "../hosted-run.ts";
import { addServerOptions, type PlaceOptions } from "../options.ts";
import { print, table } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { basisLines, scoreOf, shownRun } from "../show-run.ts";
import { openRunOperations } from "../runs/open.ts";
import type { ListFilter, Transition } from "../runs/operations.ts";

type Options = CommonOptions & PlaceOptions;

const describe = (document: RunDocument): string => {
  const { run_id, status, current_phase, query, error_message } = document;
  return [
    `${run_id}: ${status}${current_phase === null ? "" : ` (${current_phase})`}`,
    `Question: ${query}`,
    `Score: ${scoreOf(document)}`,
    ...(error_message === null ? [] : [`Error: ${error_message}`]),
    "What it rests on:",
    ...basisLines(document),
  ].join("\n");
};

const describeTransition = ({ id, at, actor, event, from, to }: Transition): string =>
  `${at}  ${id}  ${actor}: ${from} -> ${to} (${event})`;

function filterOf({
  status,
  limit: most,
}: {
  readonly status?: string;
  readonly limit: string;
}): ListFilter {
  const limit = Number(most);
  if (!Number.isInteger(limit) || limit < 1)
    throw new HaystackError("USAGE", "--limit takes a whole number of at least 1.");
  if (status !== undefined && !(RUN_STATUSES as readonly string[]).includes(status))
    throw new HaystackError("USAGE", `--status must be one of ${RUN_STATUSES.join(", ")}.`);
  return { limit, ...(status === undefined ? {} : { status: status as RunStatus }) };
}

export function addRunsCommands(program: Command, setExitCode: SetExitCode): void {
  addServerOptions(program.command("list"))
    .description("List the newest runs.")
    .option("--status <status>", `only runs that are ${RUN_STATUSES.join(", ")}`)
    .option("--limit <n>", "how many runs to list", "50")
    .action(async (options: Options & { status?: string; limit: string }) => {
      const filter = filterOf(options);
      const operations = await openRunOperations(options);
      if (options.json === true)
        return print(true, { runs: (await operations.documents(filter)).map(shownRun) }, "");
      const runs = await operations.list(filter);
      const rows = runs.map(({ run_id, status, current_phase, final_score, created_at, query }) => [
        run_id,
        status,
        current_phase,
        final_score,
        created_at,
        query.length > 60 ? `${query.slice(0, 59)}…` : query,
      ]);
      print(
        false,
        null,
        runs.length === 0
          ? "There are no runs yet."
          : table(["run", "status", "phase", "score", "created", "question"], rows),
      );
    });

  addServerOptions(program.command("status"))
    .description("Show one run.")
    .argument("<run-id>")
    .action(async (runId: string, options: Options) => {
      const document = await (await openRunOperations(options)).get(runId);
      print(options.json === true, shownRun(document), describe(document));
    });

  addServerOptions(program.command("watch"))
    .description("Follow a run to its end; Ctrl-C stops watching and leaves the run alone.")
    .argument("<run-id>")
    .option("--transitions", "also show every committed transition")
    .action(async (runId: string, options: Options & { transitions?: true }) => {
      const document = await (
        await openRunOperations(options)
      ).watch(runId, options.transitions === true ? describeTransition : undefined);
      if (document === undefined) return setExitCode(130);
      print(options.json === true, shownRun(document), describe(document));
      setExitCode(exitCodeOf(document));
    });

  addServerOptions(program.command("cancel"))
    .description("Cancel a run and wait until its jobs have stopped.")
    .argument("<run-id>")
    .action(async (runId: string, options: Options) => {
      const { document, interrupted } = await (await openRunOperations(options)).cancel(runId);
      print(options.json === true, shownRun(document), describe(document));
      if (interrupted) return setExitCode(130);
      setExitCode(document.status === "cancelled" ? 0 : 1);
    });

  addServerOptions(program.command("retry"))
    .description(
      "Resume a failed or interrupted run where it stopped, in this process or on a server.",
    )
    .argument("<run-id>")
    .action(async (runId: string, options: Options) => {
      const { document, interrupted } = await (await openRunOperations(options)).retry(runId);
      print(options.json === true, shownRun(document), describe(document));
      setExitCode(interrupted ? 130 : exitCodeOf(document));
    });
}
