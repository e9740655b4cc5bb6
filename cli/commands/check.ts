import type { Command } from "commander";
import type { ShownCheck } from "../../server/questions/shown-check.ts";
import {
  addLabelOptions,
  addRunOptions,
  addServerOptions,
  askedQuestion,
  exactLabels,
  runConfig,
  type LabelOptions,
  type PlaceOptions,
  type RunOptions,
} from "../options.ts";
import { print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { readingLines } from "../show-run.ts";
import { openRunOperations } from "../runs/open.ts";

interface Options extends CommonOptions, PlaceOptions, RunOptions, LabelOptions {
  readonly dataset?: readonly string[];
}

export function addCheckCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("check")
    .description("How a question would be understood, and what would answer it; nothing is run.")
    .argument("[question]", "or --cell-type and --perturbation")
    .option("--dataset <name...>", "imported atlases to use (default: all of them)");
  addServerOptions(addRunOptions(addLabelOptions(command))).action(
    async (asked: string | undefined, options: Options) => {
      const query = askedQuestion(asked, options);
      const config = runConfig(options, {
        datasets: [...(options.dataset ?? [])],
        ...exactLabels(options),
      });
      const check = await (await openRunOperations(options)).check({ query, config });
      print(options.json === true, check, describeCheck(check));
      if (check.problem !== null) setExitCode(UNANSWERABLE);
    },
  );
}

/** As where a run is refused for its question. */
const UNANSWERABLE = 2;

function describeCheck({ structured_query: query, prompt, problem, estimate }: ShownCheck): string {
  return [
    ...(query === null
      ? []
      : [
          `Cells         ${query.cell_type.name} ("${query.cell_type.matched_text}"): ${query.cell_type.atlas_labels.join(", ")}`,
          `Perturbation  ${query.perturbation.name} ("${query.perturbation.matched_text}"): ${query.perturbation.atlas_labels.join(", ") || "not in the atlas"}`,
        ]),
    ...(prompt === null
      ? []
      : [`Prompt        ${prompt.prompt_cells} cells, ${prompt.strategy}: ${prompt.rationale}`]),
    ...(prompt?.stand_in === undefined ? [] : [`! Stand-in: ${prompt.stand_in}`]),
    ...(query === null ? [] : readingLines(query)),
    ...(estimate == null ? [] : [estimate.in_words]),
    problem === null ? "It can be answered." : problem.message,
  ].join("\n");
}
