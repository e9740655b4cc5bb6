import type { Command } from "commander";
import { newSeed } from "../../actors/new-run.ts";
import { exitCodeOf } from "../hosted-run.ts";
import {
  addLabelOptions,
  addNamingOptions,
  addRunOptions,
  addServerOptions,
  addYesOption,
  askedQuestion,
  exactLabels,
  naming,
  runConfig,
  seedOption,
  type LabelOptions,
  type NamingOptions,
  type PlaceOptions,
  type RunOptions,
  type YesOption,
} from "../options.ts";
import { note, print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { basisLines, scoreOf, shownRun } from "../show-run.ts";
import { confirmReading } from "../runs/confirm.ts";
import { openRunOperations } from "../runs/open.ts";

interface Options
  extends CommonOptions, PlaceOptions, RunOptions, NamingOptions, LabelOptions, YesOption {
  readonly seed?: string;
  readonly email?: string;
  readonly wait?: true;
  readonly dataset?: readonly string[];
}

export function addSubmitCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("submit")
    .description("Queue a question for the daemon (`haystack serve`).")
    .argument("[question]", "or --cell-type and --perturbation")
    .option("--dataset <name...>", "imported atlases to use (default: all of them)")
    .option("--seed <n>", "seed of every random choice (default: random, recorded in the run)")
    .option("--email <address>", "address that the result is mailed to")
    .option("--wait", "wait until the run ends");
  addServerOptions(addRunOptions(addNamingOptions(addLabelOptions(addYesOption(command))))).action(
    async (asked: string | undefined, options: Options) => {
      const question = askedQuestion(asked, options);
      const runs = await openRunOperations(options);
      const config = runConfig(options, {
        datasets: [...(options.dataset ?? [])],
        ...exactLabels(options),
      });
      if (process.stdin.isTTY && options.yes !== true && config.exact_labels === undefined)
        await confirmReading(await runs.repairs({ query: question, config }), false);
      const { run, isDaemonThere } = await runs.submit({
        ...naming(options),
        query: question,
        config,
        ...(options.seed === undefined ? {} : { random_seed: seedOption(options.seed, newSeed) }),
        ...(options.email === undefined ? {} : { user_email: options.email }),
      });
      if (!isDaemonThere)
        note(
          `No daemon is there to take the run; start one with: haystack serve, or run it here with: haystack retry ${run.run_id}`,
        );
      if (options.wait !== true) return print(options.json === true, shownRun(run), run.run_id);
      const ended = await runs.watch(run.run_id);
      if (ended === undefined) return setExitCode(130);
      print(
        options.json === true,
        shownRun(ended),
        [
          `${ended.run_id}: ${ended.status}${ended.final_score === null ? "" : `, score ${scoreOf(ended)}`}`,
          ...(ended.status === "completed" ? [...basisLines(ended)] : []),
        ].join("\n"),
      );
      setExitCode(exitCodeOf(ended));
    },
  );
}
