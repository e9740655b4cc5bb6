import type { Command } from "commander";
import { findStuck } from "../../actors/stuck.ts";
import { HaystackError, runNotFound } from "../../errors.ts";
import type { RunStore, SetAside } from "../../services/runs/index.ts";
import type { CommonOptions } from "../common.ts";
import { readConfig } from "../configuration.ts";
import { print, table } from "../output.ts";

async function withRuns<Result>(
  options: CommonOptions,
  work: (runs: RunStore) => Promise<Result>,
): Promise<Result> {
  const { openRuns } = await import("../../adapters/runs.ts");
  const runs = await openRuns(readConfig(options.dataDir));
  try {
    return await work(runs);
  } finally {
    await runs.close();
  }
}

const MOST = 500;

const shown = ({ at, ...aside }: SetAside) => ({ ...aside, at: new Date(at).toISOString() });

/** Recorded before it is done, as what administrators do over HTTP. */
const audited = async <Result>(
  options: CommonOptions,
  action: string,
  target: string,
  work: () => Promise<Result>,
): Promise<Result> => {
  const { withAudit } = await import("../audited.ts");
  return withAudit(readConfig(options.dataDir), ({ record }) => record(action, target, work));
};

/** `stuck`, and `quarantine` of runs that are set aside; in the store of this machine. */
export function addQuarantineCommands(program: Command): void {
  program
    .command("stuck")
    .description("List the runs that somebody should look at, and why.")
    .option("--older-than <seconds>", "waits that are longer than this count as too long", "60")
    .action(async (options: CommonOptions & { readonly olderThan: string }) => {
      const seconds = Number(options.olderThan);
      if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400)
        throw new HaystackError("USAGE", "--older-than takes whole seconds from 1 to 86400.");
      const found = await withRuns(options, (runs) =>
        findStuck(
          { runs, unknownJobs: async () => [] },
          { before: Date.now() - seconds * 1_000, limit: MOST },
        ),
      );
      const rows = found.flatMap(({ run, reasons }) =>
        reasons.map(({ reason, detail }) => [run.run_id, reason.replaceAll("_", " "), detail]),
      );
      print(
        options.json === true,
        {
          runs: found.map(({ run, reasons }) => ({
            run_id: run.run_id,
            status: run.status,
            reasons: reasons.map((reason) => ({
              ...reason,
              since: reason.since === null ? null : new Date(reason.since).toISOString(),
            })),
          })),
        },
        rows.length === 0 ? "No run needs attention." : table(["run", "reason", "detail"], rows),
      );
    });

  const quarantine = program
    .command("quarantine")
    .description("Manage runs that are set aside, as their records cannot be read or written.");

  quarantine
    .command("list")
    .description("List the runs that are set aside, and why.")
    .action(async (options: CommonOptions) => {
      const found = await withRuns(options, (runs) => runs.setAsides(MOST));
      const aside = found.flatMap(({ document, set_aside }) =>
        set_aside === undefined ? [] : [{ run_id: document.run_id, ...shown(set_aside) }],
      );
      print(
        options.json === true,
        { runs: aside },
        aside.length === 0
          ? "No run is set aside."
          : table(
              ["run", "code", "since", "why"],
              aside.map(({ run_id, code, at, message }) => [run_id, code, at, message]),
            ),
      );
    });

  quarantine
    .command("release")
    .description("Have a run hosted again that was set aside.")
    .argument("<run-id>")
    .action(async (runId: string, options: CommonOptions) => {
      const released = await withRuns(options, async (runs) => {
        if ((await runs.get(runId)) === undefined) throw runNotFound(runId);
        return audited(options, "quarantine release", runId, () => runs.unsetAside(runId));
      });
      print(
        options.json === true,
        { run_id: runId, released },
        released ? `Run ${runId} is released.` : `Run ${runId} was not set aside.`,
      );
    });

  quarantine
    .command("export")
    .description("Print everything that is stored of a run, as it stands, as JSON.")
    .argument("<run-id>")
    .action(async (runId: string, options: CommonOptions) => {
      const stored = await withRuns(options, (runs) =>
        audited(options, "quarantine export", runId, () => runs.raw(runId)),
      );
      if (stored === undefined) throw runNotFound(runId);
      const exported = { run_id: runId, stored };
      print(options.json === true, exported, JSON.stringify(exported, null, 2));
    });
}
