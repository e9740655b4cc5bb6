import type { Command } from "commander";
import type { Wish } from "../../actors/run-wishes.ts";
import { HaystackError } from "../../errors.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { exitCodeOf } from "../hosted-run.ts";
import { addServerOptions, type PlaceOptions } from "../options.ts";
import { note, print } from "../output.ts";
import { confirmed } from "../runs/confirm.ts";
import { addFilterOptions, filterOf, hasFilter, type FilterOptions } from "../runs/filters.ts";
import { openRunOperations } from "../runs/open.ts";
import type { Ended, ListedRun, RunOperations } from "../runs/operations.ts";
import { describeRun, shownRun } from "../show-run.ts";

type Options = CommonOptions &
  PlaceOptions &
  FilterOptions & { readonly all?: true; readonly yes?: true };

/** Runs that are looked at for one command; more are left for the next. */
const MOST_RUNS = 1_000;

interface Wished {
  readonly wish: Wish;
  readonly description: string;
  /** Which of many are meant. */
  readonly isMeant: (run: ListedRun) => boolean;
  readonly exitCode: (ended: Ended) => number;
}

const WISHED: readonly Wished[] = [
  {
    wish: "cancel",
    description: "Cancel a run, or all that the filters choose, and wait until their jobs stop.",
    isMeant: ({ status }) => status === "pending" || status === "running",
    exitCode: ({ document, interrupted }) => {
      if (interrupted) return 130;
      return document.status === "cancelled" ? 0 : 1;
    },
  },
  {
    wish: "retry",
    description:
      "Resume a failed or interrupted run where it stopped, or all that the filters choose.",
    isMeant: ({ status, interrupted }) => status === "failed" || interrupted,
    exitCode: ({ document, interrupted }) => (interrupted ? 130 : exitCodeOf(document)),
  },
];

/** `cancel` and `retry`, of one run or of many. */
export function addWishCommands(program: Command, setExitCode: SetExitCode): void {
  for (const wished of WISHED) {
    addServerOptions(addFilterOptions(program.command(wished.wish)))
      .description(wished.description)
      .argument("[run-id]", "id of the run, or how it begins")
      .option("--all", `${wished.wish} every run that can be`)
      .option("--yes", "do not ask before it is done to several runs")
      .action(async (runId: string | undefined, options: Options) => {
        const isMany = options.all === true || hasFilter(options);
        if ((runId !== undefined) === isMany)
          throw new HaystackError(
            "USAGE",
            `Say which run to ${wished.wish}: its id, or filters such as --status and --label, or --all; not both.`,
          );
        const runs = await openRunOperations(options);
        if (runId === undefined) return many(runs, wished, options, setExitCode);
        const ended = await runs[wished.wish](await runs.find(runId));
        print(options.json === true, shownRun(ended.document), describeRun(ended.document));
        setExitCode(wished.exitCode(ended));
      });
  }
}

/** One after the other: an interrupt ends the rest too. */
async function many(
  runs: RunOperations,
  { wish, isMeant, exitCode }: Wished,
  options: Options,
  setExitCode: SetExitCode,
): Promise<void> {
  const meant = (await runs.list(filterOf(options, MOST_RUNS))).filter(isMeant);
  const ids = meant.map(({ run_id }) => run_id);
  const isYes = options.yes === true;
  const isDone = ids.length > 0 && (await confirmed(wish, ids, isYes));
  if (ids.length > 0 && !isDone) note("Nothing was changed.");
  const ended: Ended[] = [];
  for (const runId of isDone ? ids : []) {
    const one = await runs[wish](runId).catch((thrown: unknown) => thrown);
    if (one instanceof HaystackError && one.code === "RUN_STATE_FORBIDS") {
      // It came to its end while the question was open.
      note(one.message);
      continue;
    }
    if (one instanceof Error) throw one;
    ended.push(one as Ended);
    if ((one as Ended).interrupted) break;
  }
  print(
    options.json === true,
    { runs: ended.map(({ document }) => shownRun(document)) },
    ended.length === 0
      ? `There are no runs to ${wish}.`
      : ended.map(({ document }) => `${document.run_id}: ${document.status}`).join("\n"),
  );
  setExitCode(Math.max(0, ...ended.map(exitCode)));
}
