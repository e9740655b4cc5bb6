import type { Command } from "commander";
import type { Pruned, PruneRule } from "../../actors/housekeeping.ts";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import type { CommonOptions } from "../common.ts";
import { readConfig } from "../configuration.ts";
import { addServerOptions, type PlaceOptions } from "../options.ts";
import { note, print } from "../output.ts";
import { confirmed } from "../runs/confirm.ts";
import {
  addFilterOptions,
  ageMs,
  filterOf,
  hasFilter,
  type FilterOptions,
} from "../runs/filters.ts";
import { openRunOperations } from "../runs/open.ts";

/** Runs that are looked at for one command; more are left for the next. */
const MOST_RUNS = 1_000;
const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

type DeleteOptions = CommonOptions &
  PlaceOptions &
  FilterOptions & { readonly all?: true; readonly yes?: true };

interface PruneOptions extends CommonOptions {
  readonly olderThan?: string;
  readonly mostPerUser?: string;
  readonly most?: string;
  readonly keepResults?: true;
  readonly dryRun?: true;
}

/** `delete`, of one run or of many, and `prune`. */
export function addRemovalCommands(program: Command): void {
  addServerOptions(addFilterOptions(program.command("delete")))
    .description(
      "Delete an ended run, or all that the filters choose, with its results and everything else that is kept of it.",
    )
    .argument("[run-id]", "id of the run, or how it begins")
    .option("--all", "delete every run that has ended")
    .option("--yes", "do not ask before several runs are deleted")
    .action(deleteRuns);
  program
    .command("prune")
    .description(
      "Delete the ended runs that are older or more than the given limits, for all users of this store.",
    )
    .option("--older-than <age>", "runs that ended before this time, such as 12h or 30d")
    .option("--most-per-user <count>", "all but the newest so many ended runs of each user")
    .option("--most <count>", "all but the newest so many ended runs")
    .option(
      "--keep-results",
      "keep question, answer and result files of completed runs; remove their working files only",
    )
    .option("--dry-run", "say what would be deleted, and delete nothing")
    .action(prune);
}

async function deleteRuns(runId: string | undefined, options: DeleteOptions): Promise<void> {
  const isMany = options.all === true || hasFilter(options);
  if ((runId !== undefined) === isMany)
    throw new HaystackError(
      "USAGE",
      "Say which run to delete: its id, or filters such as --status and --older-than, or --all; not both.",
    );
  const runs = await openRunOperations(options);
  const meant =
    runId === undefined
      ? (await runs.list(filterOf(options, MOST_RUNS)))
          .filter(({ status }) => ENDED.has(status))
          .map(({ run_id }) => run_id)
      : [await runs.find(runId)];
  const asks = runId === undefined && meant.length > 0;
  const isDone = !asks || (await confirmed("delete", meant, options.yes === true));
  if (!isDone) note("Nothing was changed.");
  const deleted: string[] = [];
  for (const id of isDone ? meant : []) {
    await runs.delete(id);
    deleted.push(id);
  }
  print(
    options.json === true,
    { deleted },
    deleted.length === 0
      ? "There are no runs to delete."
      : deleted.map((id) => `${id}: deleted`).join("\n"),
  );
}

async function prune(options: PruneOptions): Promise<void> {
  const rule = ruleOf(options);
  const config = readConfig(options.dataDir);
  const [{ openRuns }, { openHousekeeping }] = await Promise.all([
    import("../../adapters/runs.ts"),
    import("../../adapters/housekeeping.ts"),
  ]);
  const runs = await openRuns(config);
  try {
    const housekeeping = await openHousekeeping(config, runs);
    try {
      const pruned = await housekeeping.prune(rule);
      print(
        options.json === true,
        { ...pruned, dry_run: rule.isDryRun === true },
        told(pruned, rule),
      );
    } finally {
      await housekeeping.close();
    }
  } finally {
    await runs.close();
  }
}

/** Error USAGE. */
function ruleOf(options: PruneOptions): PruneRule {
  const { olderThan, mostPerUser, most, keepResults, dryRun } = options;
  if ((olderThan ?? mostPerUser ?? most) === undefined)
    throw new HaystackError(
      "USAGE",
      "Say which ended runs are to go: --older-than 30d, --most-per-user 100 or --most 10000.",
    );
  return {
    keepsResults: keepResults === true,
    isDryRun: dryRun === true,
    ...given({
      olderThanMs: olderThan === undefined ? undefined : ageMs("--older-than", olderThan),
      mostPerUser: count("--most-per-user", mostPerUser),
      most: count("--most", most),
    }),
  };
}

function count(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new HaystackError("USAGE", `${option} takes a whole number such as 100.`);
  return Number(text);
}

function told({ removed, thinned, busy }: Pruned, { isDryRun }: PruneRule): string {
  const verb = isDryRun === true ? "would be deleted" : "deleted";
  return [
    `Runs ${verb}: ${removed.length}.`,
    ...(thinned.length > 0
      ? [
          `Runs whose working files ${isDryRun === true ? "would be" : "are"} deleted and whose results stay: ${thinned.length}.`,
        ]
      : []),
    ...(busy.length > 0
      ? [`Runs that stay because something is still to be done for them: ${busy.join(", ")}.`]
      : []),
  ].join("\n");
}
