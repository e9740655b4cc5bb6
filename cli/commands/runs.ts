import type { Command } from "commander";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import { exitCodeOf } from "../hosted-run.ts";
import { addServerOptions, type PlaceOptions } from "../options.ts";
import { print, table } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { describeRun, describeStatus, shownRun } from "../show-run.ts";
import { addFilterOptions, filterOf, hasFilter, type FilterOptions } from "../runs/filters.ts";
import { openRunOperations } from "../runs/open.ts";
import type { ListedRun, Transition } from "../runs/operations.ts";

type Options = CommonOptions & PlaceOptions;

const QUESTION_CHARACTERS = 60;

const describeTransition = ({ id, at, actor, event, from, to }: Transition): string =>
  `${at}  ${id}  ${actor}: ${from} -> ${to} (${event})`;

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1)
    throw new HaystackError("USAGE", "--limit takes a whole number of at least 1.");
  return limit;
}

function rowOf({
  run_id,
  status,
  current_phase,
  final_score,
  created_at,
  query,
  name,
  interrupted,
  is_judged,
}: ListedRun): (string | number | null)[] {
  const words = Array.from(name ?? query);
  return [
    run_id,
    interrupted ? `interrupted: haystack retry ${run_id}` : status,
    current_phase,
    final_score !== null && is_judged === false ? "not measurable" : final_score,
    created_at,
    words.length > QUESTION_CHARACTERS
      ? `${words.slice(0, QUESTION_CHARACTERS - 1).join("")}…`
      : words.join(""),
  ];
}

/** `list`, `status` and `watch`. */
export function addRunsCommands(program: Command, setExitCode: SetExitCode): void {
  addServerOptions(addFilterOptions(program.command("list")))
    .description("List the newest runs.")
    .option("--limit <n>", "how many runs to list", "50")
    .option("--shared", "list what others share with you, instead of your own runs")
    .action(async (options: Options & FilterOptions & { limit: string; shared?: true }) => {
      const filter = {
        ...filterOf(options, limitOf(options.limit)),
        ...given({ shared: options.shared }),
      };
      const operations = await openRunOperations(options);
      if (options.json === true) {
        const [listed, documents] = [
          await operations.list(filter),
          await operations.documents(filter),
        ];
        const interrupted = new Set(
          listed.filter((run) => run.interrupted).map(({ run_id }) => run_id),
        );
        const runs = documents.map((document) => ({
          ...shownRun(document),
          interrupted: interrupted.has(document.run_id),
        }));
        return print(true, { runs }, "");
      }
      const runs = await operations.list(filter);
      const none = hasFilter(options)
        ? "No run is like that; leave a filter out to see more."
        : "There are no runs yet.";
      print(
        false,
        null,
        runs.length === 0
          ? none
          : table(["run", "status", "phase", "score", "created", "question"], runs.map(rowOf)),
      );
    });

  addServerOptions(program.command("status"))
    .description("Show one run: its score, files, jobs, cost, and what it waits for.")
    .argument("<run-id>", "id of the run, or how it begins")
    .action(async (runId: string, options: Options) => {
      const runs = await openRunOperations(options);
      const run = await runs.get(await runs.find(runId));
      print(options.json === true, run, describeStatus(run));
    });

  addServerOptions(program.command("watch"))
    .description("Follow a run to its end; Ctrl-C stops watching and leaves the run alone.")
    .argument("<run-id>", "id of the run, or how it begins")
    .option("--transitions", "also show every committed transition")
    .action(async (runId: string, options: Options & { transitions?: true }) => {
      const runs = await openRunOperations(options);
      const document = await runs.watch(
        await runs.find(runId),
        options.transitions === true ? describeTransition : undefined,
      );
      if (document === undefined) return setExitCode(130);
      print(options.json === true, shownRun(document), describeRun(document));
      setExitCode(exitCodeOf(document));
    });
}
