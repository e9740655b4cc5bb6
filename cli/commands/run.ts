import type { Command } from "commander";
import { newRun, newRunId, newSeed } from "../../services/runs/new-run.ts";
import { loadConfig } from "../../config.ts";
import type { Daemon } from "../../daemon.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { exitCodeOf, followToEnd, withDaemon } from "../hosted-run.ts";
import { addAtlasOptions, addRunOptions, importColumns, runConfig, seedOption, type AtlasOptions, type RunOptions } from "../options.ts";
import { print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../program.ts";

interface Options extends CommonOptions, RunOptions, AtlasOptions {
  readonly atlas?: readonly string[];
  readonly seed?: string;
  readonly email?: string;
}

export function addRunCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("run")
    .description("Answer one question, from understanding it to the delivered files, in this process.")
    .argument("<question>", 'for example "How would CD14+ monocytes respond to IFN-beta?"')
    .option("--atlas <file...>", ".h5ad files to import and use (default: every imported atlas)")
    .option("--seed <n>", "seed of every random choice (default: random, recorded in the run)")
    .option("--email <address>", "who gets the mail");
  addAtlasOptions(addRunOptions(command)).action(async (question: string, options: Options) => {
    const seed = seedOption(options.seed, newSeed);
    runConfig(options, {});
    const config = loadConfig(process.env, options.dataDir);
    const { document, interrupted } = await withDaemon(config, async (daemon) => {
      const datasets = await importAll(daemon, options.atlas ?? [], options);
      if (config.OPENAI_API_KEY === undefined) await checkQuestion(daemon, question, datasets);
      const run = newRun({ run_id: newRunId(), query: question, user_email: options.email ?? null, config: runConfig(options, { datasets }), random_seed: seed, now: Date.now() });
      return followToEnd(daemon, run.run_id, () => daemon.supervisor.submit(run));
    });
    print(options.json === true, document, describeEnd(document));
    setExitCode(interrupted ? 130 : exitCodeOf(document));
  });
}

export async function importAll({ atlases }: Pick<Daemon, "atlases">, files: readonly string[], options: AtlasOptions): Promise<string[]> {
  const datasets: string[] = [];
  for (const source of files) datasets.push((await atlases.import({ source, ...importColumns(options) })).dataset);
  return datasets;
}

/** Refuses a question that the rules cannot read before a run is made of it. */
async function checkQuestion({ atlases, compute, knowledge }: Daemon, query: string, datasets: readonly string[]): Promise<void> {
  const opened = await atlases.open(datasets);
  await compute.run("analyze", { query, atlases: opened.map(({ dir }) => ({ dir, withhold: null })), knowledge });
}

function describeEnd(document: RunDocument): string {
  if (document.status === "failed") return `Run ${document.run_id} failed: ${document.error_message ?? "no reason is known"}\nTry again with: haystack retry ${document.run_id}`;
  if (document.status === "cancelled") return `Run ${document.run_id} was cancelled.`;
  const query = document.structured_query;
  return [
    `${query?.cell_type.name ?? "The cells"} under ${query?.perturbation.name ?? "the perturbation"}: grounding score ${document.final_score ?? "-"}/10 after ${document.current_iteration} iteration(s), ${document.control_strategy_effective ?? ""}.`,
    `Strongest genes: ${document.iterations.find(({ iteration }) => iteration === document.delivered_iteration)?.top_genes.map(({ gene }) => gene).join(", ") ?? "-"}`,
    `Predictions  ${document.output_anndata_path ?? "-"}`,
    `Report       ${document.output_report_path ?? "-"}`,
    `Log          ${document.output_log_path ?? "-"}`,
  ].join("\n");
}
