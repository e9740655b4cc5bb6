import type { Command } from "commander";
import { loadConfig } from "../../config.ts";
import { openRuns } from "../../adapters.ts";
import { checkQuestion, newRun, newRunId, newSeed } from "../../services/runs/new-run.ts";
import { exitCodeOf } from "../hosted-run.ts";
import { addRunOptions, runConfig, seedOption, type RunOptions } from "../options.ts";
import { print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../program.ts";
import { watch } from "../watch.ts";

interface Options extends CommonOptions, RunOptions {
  readonly seed?: string;
  readonly email?: string;
  readonly wait?: true;
  readonly dataset?: readonly string[];
}

export function addSubmitCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("submit")
    .description("Queue a question for the daemon (`haystack serve`).")
    .argument("<question>")
    .option("--dataset <name...>", "imported atlases to use (default: all)")
    .option("--seed <n>", "seed of every random choice (default: random, recorded in the run)")
    .option("--email <address>", "who gets the mail")
    .option("--wait", "wait for the end of the run");
  addRunOptions(command).action(async (question: string, options: Options) => {
    checkQuestion(question);
    const runs = await openRuns(loadConfig(process.env, options.dataDir));
    try {
      const config = runConfig(options, { datasets: [...(options.dataset ?? [])] });
      const run = newRun({ run_id: newRunId(), query: question, user_email: options.email ?? null, config, random_seed: seedOption(options.seed, newSeed), now: Date.now() });
      await runs.insert(run);
      if (options.wait !== true) return print(options.json === true, run, run.run_id);
      const ended = await watch(runs, run.run_id);
      print(options.json === true, ended, `${ended.run_id}: ${ended.status}${ended.final_score === null ? "" : `, score ${ended.final_score}/10`}`);
      setExitCode(exitCodeOf(ended));
    } finally {
      await runs.close();
    }
  });
}
