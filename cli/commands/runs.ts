import type { Command } from "commander";
import { loadConfig } from "../../config.ts";
import { openRuns } from "../../adapters.ts";
import type { Daemon } from "../../daemon.ts";
import { HaystackError } from "../../errors.ts";
import { RUN_STATUSES, type RunDocument, type RunStatus } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { exitCodeOf, followToEnd, withDaemon } from "../hosted-run.ts";
import { print, table } from "../output.ts";
import { findRun, watch } from "../watch.ts";
import type { CommonOptions, SetExitCode } from "../program.ts";

async function withRuns<Result>(options: CommonOptions, work: (runs: RunStore) => Promise<Result>): Promise<Result> {
  const runs = await openRuns(loadConfig(process.env, options.dataDir));
  try {
    return await work(runs);
  } finally {
    await runs.close();
  }
}

const describe = ({ run_id, status, current_phase, grounding_scores, query, error_message }: RunDocument): string =>
  [`${run_id}: ${status}${current_phase === null ? "" : ` (${current_phase})`}`, `Question: ${query}`, `Scores: ${grounding_scores.join(", ") || "-"}`, ...(error_message === null ? [] : [`Error: ${error_message}`])].join("\n");

export function addRunsCommands(program: Command, setExitCode: SetExitCode): void {
  program
    .command("list")
    .description("The newest runs.")
    .option("--status <status>", `only runs that are ${RUN_STATUSES.join(", ")}`)
    .option("--limit <n>", "how many", "50")
    .action(async (options: CommonOptions & { status?: string; limit: string }) => {
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 1) throw new HaystackError("USAGE", "--limit is a whole number from 1.");
      if (options.status !== undefined && !(RUN_STATUSES as readonly string[]).includes(options.status)) throw new HaystackError("USAGE", `--status is one of ${RUN_STATUSES.join(", ")}.`);
      const runs = await withRuns(options, (store) => store.list({ limit, ...(options.status === undefined ? {} : { status: options.status as RunStatus }) }));
      const rows = runs.map(({ run_id, status, current_phase, final_score, created_at, query }) => [run_id, status, current_phase, final_score, created_at, query.length > 60 ? `${query.slice(0, 59)}…` : query]);
      print(options.json === true, { runs }, runs.length === 0 ? "There are no runs." : table(["run", "status", "phase", "score", "created", "question"], rows));
    });

  program
    .command("status")
    .description("One run.")
    .argument("<run-id>")
    .action(async (runId: string, options: CommonOptions) => {
      const document = await withRuns(options, async (store) => (await findRun(store, runId)).document);
      print(options.json === true, document, describe(document));
    });

  program
    .command("cancel")
    .description("Cancel a run and wait until its jobs have stopped.")
    .argument("<run-id>")
    .action(async (runId: string, options: CommonOptions) => {
      const document = await withDaemon(loadConfig(process.env, options.dataDir), (daemon) => tell(daemon, runId, "cancel.requested", ["pending", "running", "failed", "cancelled"]));
      print(options.json === true, document, describe(document));
      setExitCode(document.status === "cancelled" ? 0 : 1);
    });

  program
    .command("retry")
    .description("Resume a failed or interrupted run where it stopped, in this process.")
    .argument("<run-id>")
    .action(async (runId: string, options: CommonOptions) => {
      const document = await withDaemon(loadConfig(process.env, options.dataDir), (daemon) => tell(daemon, runId, "retry.requested", ["pending", "running", "failed"]));
      print(options.json === true, document, describe(document));
      setExitCode(exitCodeOf(document));
    });
}

/** Stores the event, then either takes the run over to its end or waits for the process that hosts it. */
async function tell(daemon: Daemon, runId: string, type: "cancel.requested" | "retry.requested", allowed: readonly RunStatus[]): Promise<RunDocument> {
  const { document: { status }, revision } = await findRun(daemon.runs, runId);
  if (!allowed.includes(status)) throw new HaystackError("RUN_STATE_FORBIDS", `Run ${runId} is ${status}; nothing was changed.`);
  await daemon.supervisor.deliver(runId, { id: `${type}.${revision}`, event: { type } });
  try {
    return (await followToEnd(daemon, runId, () => daemon.supervisor.adopt(runId))).document;
  } catch (thrown) {
    if (!(thrown instanceof HaystackError) || thrown.code !== "LEASE_LOST") throw thrown;
    return watch(daemon.runs, runId);
  }
}
