import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { readConfig } from "../configuration.ts";
import { HaystackError } from "../../errors.ts";
import type { Withholdable } from "../../science/atlas/withhold.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { withDaemon } from "../hosted-run.ts";
import { importAll } from "../import-atlases.ts";
import { addRunOptions, runConfig, seedOption, type RunOptions } from "../options.ts";
import { addAtlasOptions, type AtlasOptions } from "../atlas-options.ts";
import { print } from "../output.ts";
import { resultFolder } from "../runs/save-results.ts";
import { chooseTargets, readWhat } from "../validation/choose-targets.ts";
import { describeValidation, validationPage } from "../validation/describe.ts";
import { validateTarget, type TargetOutcome } from "../validation/validate-target.ts";
import { discriminationOf } from "../validation/panels.ts";
import { vcc2026Figures } from "../validation/vcc2026-figures.ts";
import { meanFigures, validatedTarget, type Validation } from "../validation/validation.ts";

interface Options extends CommonOptions, RunOptions, AtlasOptions {
  readonly atlas: string;
  readonly withhold?: readonly Withholdable[];
  readonly cellType?: string;
  readonly perturbation?: string;
  readonly donor?: string;
  readonly all?: true;
  readonly seed?: string;
  readonly output?: string;
}

const DEFAULT_SEED = 1;

export function addValidateCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("validate")
    .description("Withhold measured responses, predict them, and compare with the truth.")
    .requiredOption("--atlas <file>", ".h5ad file with control and perturbed cells")
    .option(
      "--withhold <what>",
      "what the asked response is new in: cell-type, donor or perturbation, several at once joined by commas (default: cell-type)",
      readWhat,
    )
    .option("--cell-type <label>", "cell type label of the file")
    .option("--perturbation <label>", "perturbation label of the file")
    .option("--donor <label>", "donor label of the file")
    .option("--all", "validate every target that the other options leave open")
    .option("--seed <n>", `seed of every random choice (default: ${DEFAULT_SEED})`)
    .option(
      "--output <folder>",
      "folder for the figures and the split of the cells (default: validations/ in the data folder)",
    );
  addAtlasOptions(addRunOptions(command)).action(async (options: Options) => {
    const validation = await validate(options);
    print(options.json === true, validation, describeValidation(validation));
    const statuses = validation.targets.map(({ status }) => status);
    if (statuses.includes("failed") || !statuses.includes("judged")) setExitCode(1);
  });
}

async function validate(options: Options): Promise<Validation> {
  const { all, cellType, perturbation, donor, withhold: what = ["cell-type"] } = options;
  const seed = seedOption(options.seed, () => DEFAULT_SEED);
  runConfig(options, {});
  if (all !== true && (cellType === undefined || perturbation === undefined))
    throw new HaystackError(
      "USAGE",
      "Nothing was chosen to be withheld; name it with --cell-type and --perturbation, or choose every target with --all.",
    );
  const config = readConfig(options.dataDir);
  return withDaemon(config, async (daemon) => {
    const [dataset = ""] = await importAll(daemon, [options.atlas], options);
    const { index, dir } = (await daemon.atlases.open([dataset]))[0] ?? unreachable();
    const posed = chooseTargets(index, what, {
      all: all === true,
      cellType,
      perturbation,
      donor,
    });
    await daemon.atlases.fetchGroups(
      index.groups.map(({ group_id }) => group_id),
      [{ index }],
    );
    const outcomes = await Promise.all(
      posed.map((each) =>
        validateTarget(daemon, each, {
          dataset,
          dir,
          seed,
          config: (more) => runConfig(options, more),
        }),
      ),
    );
    const folder = await resultFolder(
      options.output ??
        join(config.dataDir, "validations", `${dataset}-${what.join("-")}-seed-${seed}`),
    );
    return writeValidation(folder, outcomes, {
      dataset,
      seed,
      control_strategy: options.controlStrategy ?? "synthetic_control",
    });
  });
}

async function writeValidation(
  folder: string,
  outcomes: readonly TargetOutcome[],
  about: Pick<Validation, "dataset" | "seed" | "control_strategy">,
): Promise<Validation> {
  const files = {
    figures: join(folder, "validation.json"),
    split: join(folder, "split.json"),
    report: join(folder, "report.html"),
  };
  const { each, mean } = vcc2026Figures(outcomes);
  const scores = discriminationOf(outcomes);
  const targets = outcomes.map((outcome, at) =>
    validatedTarget(outcome, { vcc2026: each[at]!, discrimination: scores[at]! }),
  );
  const validation = {
    ...about,
    targets,
    mean: { ...meanFigures(targets), vcc2026: mean },
    files,
  };
  const split = outcomes.flatMap(({ target, what, judged }) =>
    judged === null ? [] : [{ ...target, withheld: what, ...judged.split }],
  );
  await mkdir(folder, { recursive: true });
  await writeFile(files.figures, `${JSON.stringify(validation, null, 1)}\n`);
  await writeFile(files.split, `${JSON.stringify({ seed: about.seed, targets: split })}\n`);
  await writeFile(files.report, await validationPage(validation, outcomes));
  return validation;
}

const unreachable = (): never => {
  throw new HaystackError("INTERNAL", "The imported atlas cannot be opened; import it again.");
};
