import type { Command } from "commander";
import { newRun } from "../../services/runs/document.ts";
import { newRunId } from "../../actors/new-run.ts";
import { iterationObjects } from "../../actors/run-objects.ts";
import { readConfig } from "../configuration.ts";
import type { Daemon } from "../../daemon.ts";
import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import type { ControlStrategy } from "../../science/query/structured-query.ts";
import { withDaemon } from "../hosted-run.ts";
import { importAll } from "../import-atlases.ts";
import {
  addAtlasOptions,
  addRunOptions,
  runConfig,
  seedOption,
  type AtlasOptions,
  type RunOptions,
} from "../options.ts";
import { print, table } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";

interface Options extends CommonOptions, RunOptions, AtlasOptions {
  readonly atlas: string;
  readonly cellType?: string;
  readonly perturbation?: string;
  readonly all?: true;
  readonly seed?: string;
}

interface Target {
  readonly cell_type: string;
  readonly perturbation: string;
}

const DEFAULT_SEED = 1;

export function addValidateCommand(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command("validate")
    .description(
      "Withhold the perturbed cells of a cell type, predict them, and compare with the truth.",
    )
    .requiredOption("--atlas <file>", ".h5ad file with control and perturbed cells")
    .option("--cell-type <label>", "cell type label of the file")
    .option("--perturbation <label>", "perturbation label of the file")
    .option(
      "--all",
      "validate every cell type and perturbation that has control and perturbed cells",
    )
    .option("--seed <n>", `seed of every random choice (default: ${DEFAULT_SEED})`);
  addAtlasOptions(addRunOptions(command)).action(async (options: Options) => {
    const seed = seedOption(options.seed, () => DEFAULT_SEED);
    if (
      options.all !== true &&
      (options.cellType === undefined || options.perturbation === undefined)
    ) {
      throw new HaystackError(
        "USAGE",
        "Nothing was chosen to be withheld; name it with --cell-type and --perturbation, or choose every target with --all.",
      );
    }
    const strategies: readonly ControlStrategy[] =
      options.controlStrategy === undefined
        ? ["synthetic_control", "query_as_control"]
        : [options.controlStrategy as ControlStrategy];
    const targets = await withDaemon(readConfig(options.dataDir), async (daemon) => {
      const [dataset = ""] = await importAll(daemon, [options.atlas], options);
      const { index, dir } = (await daemon.atlases.open([dataset]))[0] ?? unreachable();
      return Promise.all(
        chooseTargets(index, options).map((target) =>
          validateTarget(daemon, { target, strategies, dataset, dir, seed, options }),
        ),
      );
    });
    const result = { targets, mean: meanOf(targets), control_strategy: strategies[0] };
    print(options.json === true, result, describe(result, strategies));
    if (targets.some(({ status }) => status !== "completed")) setExitCode(1);
  });
}

const unreachable = (): never => {
  throw new HaystackError("INTERNAL", "The imported atlas cannot be opened; import it again.");
};

function chooseTargets(index: AtlasIndex, { all, cellType, perturbation }: Options): Target[] {
  const controls = new Set(
    index.groups.filter(({ is_control }) => is_control).map(({ cell_type }) => cell_type),
  );
  const targets = new Map<string, Target>();
  for (const { cell_type, perturbation: label, is_control } of index.groups) {
    if (!is_control && controls.has(cell_type))
      targets.set(JSON.stringify([cell_type, label]), { cell_type, perturbation: label });
  }
  const wanted = [...targets.values()].filter(
    (target) =>
      all === true || (target.cell_type === cellType && target.perturbation === perturbation),
  );
  if (wanted.length > 0) return wanted;
  const labels = (name: "cell_type" | "perturbation"): string =>
    [...new Set([...targets.values()].map((target) => target[name]))].join(", ");
  throw new HaystackError(
    "GROUP_EMPTY",
    `The file has no control and perturbed cells of ${cellType ?? "any cell type"} under ${perturbation ?? "any perturbation"}; choose from ${labels("cell_type")} under ${labels("perturbation")}.`,
  );
}

interface TargetRun {
  readonly target: Target;
  readonly strategies: readonly ControlStrategy[];
  readonly dataset: string;
  readonly dir: string;
  readonly seed: number;
  readonly options: Options;
}

async function validateTarget(
  daemon: Daemon,
  { target, strategies, dataset, dir, seed, options }: TargetRun,
) {
  const outcomes = await Promise.all(
    strategies.map(async (control_strategy) => {
      const config = runConfig(options, {
        datasets: [dataset],
        withhold: target,
        control_strategy,
      });
      const run = newRun({
        run_id: newRunId(),
        query: `How would ${target.cell_type} respond to ${target.perturbation}?`,
        user_email: null,
        config,
        random_seed: seed,
        now: Date.now(),
      });
      const settled = daemon.supervisor.settled(run.run_id);
      await daemon.supervisor.submit(run);
      const document = await settled;
      const file = (path: string): Promise<string> => daemon.objects.fetch({ path });
      const measure = async (iteration: number) => {
        const paths = iterationObjects(run.run_id, iteration);
        return daemon.compute.run("compare", {
          prediction: await file(paths.predictions("prediction")),
          reference: await file(
            document.control_strategy_effective === "synthetic_control"
              ? paths.predictions("control")
              : paths.query,
          ),
          atlas: dir,
          ...target,
        });
      };
      const delivered = document.iterations.find(
        ({ iteration }) => iteration === document.delivered_iteration,
      );
      if (delivered === undefined) return { document, delivered, measures: null, first: null };
      const measures = await measure(delivered.iteration);
      return {
        document,
        delivered,
        measures,
        first: delivered.iteration === 1 ? measures : await measure(1),
      };
    }),
  );
  const [main, other] = outcomes;
  if (main === undefined) return unreachable();
  const { document, delivered, measures, first } = main;
  return {
    ...target,
    status: document.status,
    error_message: document.error_message,
    control_strategy_effective: document.control_strategy_effective,
    ...(measures ?? {
      pearson_delta: null,
      spearman_delta: null,
      top50_overlap: null,
      direction_accuracy: null,
    }),
    first_pearson_delta: first?.pearson_delta ?? null,
    grounding_score: document.final_score,
    grounding_scores: document.grounding_scores,
    prompt_strategy: delivered?.prompt_strategy ?? null,
    prompt: delivered?.prompt_rationale ?? null,
    run_id: document.run_id,
    ...(other === undefined
      ? {}
      : { query_as_control: { ...other.measures, grounding_score: other.document.final_score } }),
  };
}

type ValidatedTarget = Awaited<ReturnType<typeof validateTarget>>;

const MEASURES = [
  "pearson_delta",
  "spearman_delta",
  "top50_overlap",
  "direction_accuracy",
  "grounding_score",
] as const;

function meanOf(targets: readonly ValidatedTarget[]) {
  const mean = (values: readonly (number | null | undefined)[]): number | null => {
    const known = values.filter((value): value is number => typeof value === "number");
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  const over = (
    pick: (
      target: ValidatedTarget,
    ) => Partial<Record<(typeof MEASURES)[number], number | null>> | undefined,
  ) =>
    Object.fromEntries(
      MEASURES.map((name) => [name, mean(targets.map((target) => pick(target)?.[name]))]),
    );
  const compared = targets.some(({ query_as_control }) => query_as_control !== undefined);
  return {
    ...over((target) => target),
    ...(compared ? { query_as_control: over(({ query_as_control }) => query_as_control) } : {}),
  };
}

function describe(
  { targets, mean }: { targets: readonly ValidatedTarget[]; mean: Record<string, unknown> },
  strategies: readonly ControlStrategy[],
): string {
  const figure = (value: unknown): string => (typeof value === "number" ? value.toFixed(3) : "-");
  const rows = targets.map((target) => [
    target.cell_type,
    target.perturbation,
    ...MEASURES.map((name) => figure(target[name])),
    figure(target.query_as_control?.pearson_delta),
    target.prompt_strategy,
  ]);
  const last = [
    "mean",
    "",
    ...MEASURES.map((name) => figure(mean[name])),
    figure((mean["query_as_control"] as Record<string, unknown> | undefined)?.["pearson_delta"]),
    "",
  ];
  return `${table(["cell type", "perturbation", "pearson", "spearman", "top50", "direction", "score", "query_as_control", "prompt"], [...rows, last])}\nControl strategy: ${strategies[0] ?? ""}`;
}
