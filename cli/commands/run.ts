import type { Command } from "commander";
import { newSeed } from "../../actors/new-run.ts";
import { accuracyInWords } from "../../science/report/wording.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { exitCodeOf } from "../hosted-run.ts";
import {
  addAtlasOptions,
  addRunOptions,
  addServerOptions,
  atlasOptions,
  runConfig,
  seedOption,
  type AtlasOptions,
  type PlaceOptions,
  type RunOptions,
} from "../options.ts";
import { print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { openRunOperations } from "../runs/open.ts";

interface Options extends CommonOptions, PlaceOptions, RunOptions, AtlasOptions {
  readonly atlas?: readonly string[];
  readonly seed?: string;
  readonly email?: string;
  readonly output?: string;
}

export function addRunCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("run")
    .description(
      "Answer one question, from understanding it to the delivered files, in this process or on a server.",
    )
    .argument("<question>", 'for example "How would CD14+ monocytes respond to IFN-beta?"')
    .option("--atlas <file...>", ".h5ad files to import and use (default: every imported atlas)")
    .option("--seed <n>", "seed of every random choice (default: random, recorded in the run)")
    .option("--email <address>", "address that the result is mailed to")
    .option(
      "--output <folder>",
      "folder to save the files in (default: objects/results/ in the data folder)",
    );
  addServerOptions(addAtlasOptions(addRunOptions(command))).action(
    async (question: string, options: Options) => {
      const seed =
        options.seed === undefined ? {} : { random_seed: seedOption(options.seed, newSeed) };
      runConfig(options, {});
      const runs = await openRunOperations(options);
      const { document, interrupted } = await runs.answer({
        query: question,
        config: (datasets) => runConfig(options, { datasets: [...datasets] }),
        ...seed,
        ...(options.email === undefined ? {} : { user_email: options.email }),
        atlases: options.atlas ?? [],
        importing: atlasOptions(options),
        ...(options.output === undefined ? {} : { output: options.output }),
      });
      print(options.json === true, document, describeEnd(document));
      setExitCode(interrupted ? 130 : exitCodeOf(document));
    },
  );
}

function describeEnd(document: RunDocument): string {
  if (document.status === "failed")
    return `Run ${document.run_id} failed: ${document.error_message ?? "no reason was recorded"}${document.error?.retryable === true ? `\nTry again with: haystack retry ${document.run_id}` : ""}`;
  if (document.status === "cancelled") return `Run ${document.run_id} was cancelled.`;
  const query = document.structured_query;
  return [
    `${query?.cell_type.name ?? "The cells"} under ${query?.perturbation.name ?? "the perturbation"}: grounding score ${document.final_score ?? "-"}/10 after ${document.current_iteration} iteration(s), ${document.control_strategy_effective ?? ""}.`,
    ...(document.expected_accuracy
      ? [`Expected accuracy: ${accuracyInWords(document.expected_accuracy)}`]
      : []),
    `Strongest genes: ${
      document.iterations
        .find(({ iteration }) => iteration === document.delivered_iteration)
        ?.top_genes.map(({ gene }) => gene)
        .join(", ") ?? "-"
    }`,
    `Predictions  ${document.output_anndata_path ?? "-"}`,
    `Report       ${document.output_report_path ?? "-"}`,
    `Log          ${document.output_log_path ?? "-"}`,
  ].join("\n");
}
