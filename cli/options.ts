import { questionText } from "../science/query/question-text.ts";
import { Option, type Command } from "commander";
import { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import { TRANSFERS } from "../science/accuracy/accuracy-schema.ts";
import {
  coherentConfigSchema,
  runLabelsSchema,
  runNameSchema,
  type RunConfig,
  type RunLabels,
} from "../services/runs/document.ts";

/** Options that set a run's configuration; checked by the run's own schema. */
export interface RunOptions {
  readonly maxIterations?: string;
  readonly scoreThreshold?: string;
  readonly controlStrategy?: string;
  readonly firstPrompt?: string;
  readonly controlJob?: string;
  readonly transfer?: string;
  readonly promptsPerRound?: string;
}

/** Where the runs are that a command is about. */
export interface PlaceOptions {
  readonly dataDir?: string;
  readonly server?: string;
  readonly insecureHttp?: true;
}

export const addServerOptions = (command: Command): Command =>
  command
    .option(
      "--server <url>",
      "server to use instead of the local store (default: $HAYSTACK_SERVER), with the token in $HAYSTACK_TOKEN",
    )
    .option("--insecure-http", "allow the token to be sent unencrypted to another machine");

/** Collects the values of an option that may be repeated. */
export const repeated = (
  value: string,
  earlier: readonly string[] | undefined,
): readonly string[] => [...(earlier ?? []), value];

/** What a run is called and filed under. */
export interface NamingOptions {
  readonly name?: string;
  readonly label?: readonly string[];
}

export const addNamingOptions = (command: Command): Command =>
  command
    .option("--name <name>", "what to call the run")
    .option("--label <key=value>", "what to file the run under; may be repeated", repeated);

/** Error USAGE. */
export function naming({ name, label }: NamingOptions): {
  readonly name?: string;
  readonly labels?: RunLabels;
} {
  const labels = label === undefined ? undefined : readLabels(label);
  const problems = [
    ...(runNameSchema.optional().safeParse(name).error?.issues ?? []).map(
      ({ message }) => `--name ${message}`,
    ),
    ...(runLabelsSchema.optional().safeParse(labels).error?.issues ?? []).map(
      ({ path, message }) => `--label ${path.join(".")} ${message}`,
    ),
  ];
  if (problems.length > 0) throw new HaystackError("USAGE", `${problems.join("; ")}.`);
  return given({ name, labels });
}

/** Error USAGE. */
export const readLabels = (labels: readonly string[]): RunLabels =>
  Object.fromEntries(
    labels.map((label) => {
      const at = label.indexOf("=");
      if (at < 1)
        throw new HaystackError("USAGE", "--label takes key=value, such as --label project=dose.");
      return [label.slice(0, at), label.slice(at + 1)];
    }),
  );

export const addRunOptions = (command: Command): Command =>
  command
    .option(
      "--max-iterations <n>",
      "maximum number of rounds of prompt, inference and evaluation (default: 5)",
    )
    .option("--score-threshold <n>", "grounding score, 1 to 10, at which the run ends (default: 7)")
    .addOption(
      new Option(
        "--control-strategy <strategy>",
        "reference for the prediction: predicted controls, or the query cells themselves",
      ).choices(["synthetic_control", "query_as_control"]),
    )
    .addOption(
      new Option(
        "--control-job <which>",
        "predict the controls together with the response, in one job, or in a separate one (default: together)",
      ).choices(["together", "separate"]),
    )
    .option(
      "--prompts-per-round <n>",
      "prompts, 1 to 8, that an iteration tries side by side in one job; the best counts (default: as the daemon says, 1 on this machine, 4 on Google Batch)",
    )
    .addOption(
      new Option(
        "--first-prompt <which>",
        "start with the best or the worst usable prompt",
      ).choices(["best", "worst"]),
    )
    .addOption(
      new Option(
        "--transfer <which>",
        "of the built-in baseline: learned inside the atlas where that is better, or delta transfer",
      ).choices(TRANSFERS),
    );

/** Whether names that were repaired are taken without asking. */
export interface YesOption {
  readonly yes?: true;
}
export const addYesOption = (command: Command): Command =>
  command.option("--yes", "take names that were repaired without asking");

export interface LabelOptions {
  readonly cellType?: string;
  readonly perturbation?: string;
}

/** In place of a question. */
export const addLabelOptions = (command: Command): Command =>
  command
    .option("--cell-type <label>", "cell type exactly as an atlas writes it; with --perturbation")
    .option(
      "--perturbation <label>",
      "perturbation exactly as an atlas writes it; no question is read",
    );

/**
 * The question, or one that stands for the labels that are given in its place. Errors: USAGE,
 * QUESTION_EMPTY, QUESTION_TOO_LONG.
 */
export function askedQuestion(
  question: string | undefined,
  { cellType, perturbation }: LabelOptions,
): string {
  if ((cellType === undefined) !== (perturbation === undefined))
    throw new HaystackError(
      "USAGE",
      "--cell-type and --perturbation go together; give both labels, or ask a question.",
    );
  if (question !== undefined) {
    questionText(question);
    return question;
  }
  if (cellType === undefined)
    throw new HaystackError(
      "USAGE",
      "There is no question; ask one, or give --cell-type and --perturbation.",
    );
  return `How would ${cellType} respond to ${perturbation}?`;
}

/** Of the settings of a run. */
export const exactLabels = ({
  cellType,
  perturbation,
}: LabelOptions): Pick<RunConfig, "exact_labels"> =>
  cellType === undefined || perturbation === undefined
    ? {}
    : { exact_labels: { cell_type: cellType, perturbation } };

/** Error USAGE, one sentence naming every bad option. */
export function runConfig(options: RunOptions, more: Partial<RunConfig>): RunConfig {
  const {
    maxIterations,
    scoreThreshold,
    controlStrategy,
    controlJob,
    firstPrompt,
    transfer,
    promptsPerRound,
  } = options;
  const parsed = coherentConfigSchema.safeParse({
    ...more,
    ...given({
      max_iterations: maxIterations === undefined ? undefined : Number(maxIterations),
      score_threshold: scoreThreshold === undefined ? undefined : Number(scoreThreshold),
      control_strategy: controlStrategy,
      control_job: controlJob,
      first_prompt: firstPrompt,
      transfer,
      prompts_per_round: promptsPerRound === undefined ? undefined : Number(promptsPerRound),
    }),
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .map((issue) => `--${issue.path.join(".").replaceAll("_", "-")} ${issue.message}`)
    .join("; ");
  throw new HaystackError("USAGE", `${problems}.`);
}

export function seedOption(text: string | undefined, random: () => number): number {
  if (text === undefined) return random();
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
    throw new HaystackError("USAGE", "--seed must be a whole number from 0 to 4294967295.");
  return seed;
}
