import type { Command } from "commander";
import { newSeed } from "../../actors/new-run.ts";
import type { RunDocument } from "../../services/runs/document.ts";
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
import { addAtlasOptions, atlasOptions, type AtlasOptions } from "../atlas-options.ts";
import { print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { accuracyLine, basisLines, deliveredIteration, scoreOf, shownRun } from "../show-run.ts";
import { confirmReading } from "../runs/confirm.ts";
import { openRunOperations } from "../runs/open.ts";

interface Options
  extends
    CommonOptions,
    PlaceOptions,
    RunOptions,
    AtlasOptions,
    NamingOptions,
    LabelOptions,
    YesOption {
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
    .argument(
      "[question]",
      'for example "How would CD14+ monocytes respond to IFN-beta?"; or --cell-type and --perturbation',
    )
    .option("--atlas <file...>", ".h5ad files to import and use (default: every imported atlas)")
    .option("--seed <n>", "seed of every random choice (default: random, recorded in the run)")
    .option("--email <address>", "address that the result is mailed to")
    .option(
      "--output <folder>",
      "folder to save the files in (default: objects/results/ in the data folder)",
    );
  addServerOptions(
    addAtlasOptions(addRunOptions(addNamingOptions(addLabelOptions(addYesOption(command))))),
  ).action(async (asked: string | undefined, options: Options) => {
    const question = askedQuestion(asked, options);
    const seed =
      options.seed === undefined ? {} : { random_seed: seedOption(options.seed, newSeed) };
    runConfig(options, {});
    const named = naming(options);
    const runs = await openRunOperations(options);
    const { document, interrupted } = await runs.answer({
      query: question,
      config: (datasets) =>
        runConfig(options, { datasets: [...datasets], ...exactLabels(options) }),
      ...seed,
      ...named,
      ...(options.email === undefined ? {} : { user_email: options.email }),
      atlases: options.atlas ?? [],
      importing: atlasOptions(options),
      confirm: (read) => confirmReading(read, options.yes === true),
      ...(options.output === undefined ? {} : { output: options.output }),
    });
    print(options.json === true, shownRun(document), describeEnd(document));
    setExitCode(interrupted ? 130 : exitCodeOf(document));
  });
}

function describeEnd(document: RunDocument): string {
  if (document.status === "failed")
    return `Run ${document.run_id} failed: ${document.error_message ?? "no reason was recorded"}${document.error?.retryable === true ? `\nTry again with: haystack retry ${document.run_id}` : ""}`;
  if (document.status === "cancelled") return `Run ${document.run_id} was cancelled.`;
  const query = document.structured_query;
  const delivered = deliveredIteration(document);
  return [
    ...(delivered?.reading === undefined ? [] : [delivered.reading]),
    `${query?.cell_type.name ?? "The cells"} under ${query?.perturbation.name ?? "the perturbation"}: grounding score ${scoreOf(document)}.`,
    ...(delivered?.verdict === undefined
      ? []
      : [`The predicted response ${delivered.verdict} (confidence: ${delivered.confidence}).`]),
    ...accuracyLine(document),
    `Strongest genes: ${delivered?.top_genes.map(({ gene }) => gene).join(", ") || "none changes"}`,
    `Predictions  ${document.output_anndata_path ?? "-"}`,
    `Report       ${document.output_report_path ?? "-"}`,
    `Log          ${document.output_log_path ?? "-"}`,
    ...basisLines(document),
  ].join("\n");
}
