import type { RunEffects } from "../../actors/host/bind-run-machine.ts";
import { HaystackError } from "../../errors.ts";
import { pairName, pairsOf } from "../../machines/job-id.ts";
import type { FoundPairs, JobKind, PairName, PredictedPairs } from "../../machines/pair-types.ts";
import type { CurrentRound, JobRecord } from "../../machines/run-types.ts";
import type { EvaluateOutput } from "../../machines/step-types.ts";
import type { ControlStrategy, StructuredQuery } from "../../science/query/structured-query.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import type { IterationSummary } from "../../services/runs/iteration.ts";

/**
 * Effects that answer at once and keep a record: the run machine's steps without science, to test
 * orchestration.
 */
export interface ScriptedEffects extends RunEffects {
  readonly done: readonly string[];
  /** The jobs that "Batch" knows, by name: the truth that checkJob asks. */
  readonly jobs: Map<string, "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED">;
}

export interface Script {
  /** Score by iteration; the last one repeats. */
  readonly scores?: readonly number[];
  /** From this iteration on the atlas says that no gain can come. */
  readonly noGainFrom?: number;
  readonly strategy?: "synthetic_control" | "query_as_control";
  /** Called before each effect, with "name" or "name:job_id". */
  readonly before?: (effect: string) => Promise<void> | void;
  /** What a newly submitted job is at once. */
  readonly jobState?: "RUNNING" | "SUCCEEDED" | "FAILED";
  /** Pause until a waiting job is looked at again. Default 5 s. */
  readonly checkMs?: number;
  readonly now: () => number;
}

/** What the scripted analysis reads in every question. */
export const scriptedQuery = (): StructuredQuery => ({
  task_type: "perturbational",
  cell_type: {
    name: "B cell",
    cell_ontology_id: "CL:0000236",
    matched_text: "B cells",
    match: "exact",
    atlas_labels: ["B cells"],
  },
  perturbation: {
    id: "ifn-beta",
    name: "IFN-beta",
    kind: "cytokine",
    external_ids: {},
    matched_text: "IFN-beta",
    match: "exact",
    atlas_labels: ["IFN-beta"],
    targets: ["IFNAR1"],
  },
  expected_targets: [],
  expected_pathways: [],
  dose: null,
  time: null,
  tissue: null,
  donor: null,
  ambiguities: [],
  control_strategy_fallback: null,
  understood_by: "rules",
});

/** What the scripted evaluation says of an iteration. */
export const scriptedSummary = (iteration: number, score: number): IterationSummary => ({
  iteration,
  prompt_strategy: "direct",
  prompt_rationale: "scripted",
  candidate_id: `candidate-${iteration}`,
  prompt_cells: 10,
  query_cells: 10,
  score,
  component_scores: {},
  confidence: "normal",
  feedback: [],
  top_genes: [],
  enriched_pathways: [],
});

/** What the atlas says when no further iteration can gain. */
const NO_GAIN = {
  expected_accuracy: {
    known: true,
    pearson: 0.8,
    low: 0.7,
    high: 0.9,
    left_out: "cell types",
    responses: 4,
  },
  outlook: { accuracy_may_improve: false, score_may_improve: false, measured_scores: [3] },
} satisfies Partial<IterationSummary>;

/** What a job that succeeded has predicted. */
export const scriptedOutputs = (
  { job_id, kind }: JobRecord,
  pairs: readonly PairName[] = pairsOf(kind),
): PredictedPairs =>
  Object.fromEntries(pairs.map((pair) => [pair, { path: `${job_id}.${pair}.h5ad`, sha256: "0" }]));

/** What a job finds that has nothing left to predict. */
export const scriptedFound = (
  kind: JobKind,
  pairs: readonly PairName[] = pairsOf(kind),
): FoundPairs =>
  Object.fromEntries(
    pairs.map((pair) => [
      pair,
      { path: `found.${pair}.h5ad`, sha256: "0", run_id: "earlier", iteration: 1 },
    ]),
  );

/** The prompts of a round of several, each with controls of its own. */
export function scriptedPrompts(
  iteration: number,
  { prompts_per_round = 1 }: Pick<RunConfig, "prompts_per_round">,
  strategy: ControlStrategy,
): Pick<CurrentRound, "prompts"> {
  if (prompts_per_round === 1) return {};
  return {
    prompts: Array.from({ length: prompts_per_round }, (_, at) => ({
      candidate_id: `candidate-${iteration}${at === 0 ? "" : `-${at + 1}`}`,
      prompt_strategy: "direct",
      prompt_rationale: "scripted",
      prompt_cells: 10,
      prediction: pairName("prediction", at + 1),
      control: strategy === "synthetic_control" ? pairName("control", at + 1) : null,
    })),
  };
}

const scriptedTries = (
  { prompts }: CurrentRound,
  summary: IterationSummary,
): Partial<IterationSummary> =>
  prompts === undefined
    ? {}
    : {
        candidate_id: prompts.at(-1)?.candidate_id ?? "",
        prompts: prompts.map((prompt) => ({
          ...prompt,
          score: summary.score,
          component_scores: {},
          confidence: "normal",
          feedback: [],
        })),
      };

/** Of several prompts the last counts. */
export const scriptedPairs = ({ prompts }: CurrentRound): Pick<EvaluateOutput, "pairs"> => {
  const last = prompts?.at(-1);
  return last === undefined
    ? {}
    : { pairs: { prediction: last.prediction, control: last.control } };
};

export const SCRIPTED_OUTPUTS = {
  anndata: "predictions.h5ad",
  report: "report.html",
  log: "log.json",
} as const;

export function scriptedEffects(script: Script): ScriptedEffects {
  const done: string[] = [];
  const jobs: ScriptedEffects["jobs"] = new Map();
  const scores = script.scores ?? [8];
  const begin = async (effect: string, signal: AbortSignal): Promise<void> => {
    await script.before?.(effect);
    signal.throwIfAborted();
    done.push(effect);
  };
  const summary = (iteration: number): IterationSummary => ({
    ...scriptedSummary(iteration, scores[Math.min(iteration, scores.length) - 1] ?? 1),
    ...(iteration < (script.noGainFrom ?? Infinity) ? {} : NO_GAIN),
  });
  return {
    done,
    jobs,
    async analyze(_, { signal }) {
      await begin("analyze", signal);
      const strategy = script.strategy ?? "synthetic_control";
      return {
        structured_query: scriptedQuery(),
        control_cells_available: strategy === "synthetic_control",
        control_strategy_effective: strategy,
      };
    },
    async prompt({ iteration, config, control_strategy_effective }, { signal }) {
      await begin(`prompt:${iteration}`, signal);
      return {
        plan: { path: `plan-${iteration}`, sha256: "0" },
        candidate_id: `candidate-${iteration}`,
        prompt_strategy: "direct",
        prompt_rationale: "scripted",
        prompt_cells: 10,
        query_cells: 10,
        ...scriptedPrompts(iteration, config, control_strategy_effective),
      };
    },
    async prepareJob({ iteration, kind }, { signal }) {
      await begin(`prepareJob:${iteration}:${kind}`, signal);
      return { found: {}, notes: {} };
    },
    async submitJob({ job, deadline_seconds }, { signal }) {
      await begin(`submitJob:${job.job_id}`, signal);
      if (!jobs.has(job.job_id)) jobs.set(job.job_id, script.jobState ?? "SUCCEEDED");
      const now = script.now();
      return { offer: null, now, deadline_at: now + deadline_seconds * 1_000, check_at: now };
    },
    async checkJob({ job, pairs, deadline_at }, { signal }) {
      await script.before?.(`checkJob:${job.job_id}`);
      signal.throwIfAborted();
      const now = script.now();
      switch (jobs.get(job.job_id)) {
        case "SUCCEEDED":
          return {
            verdict: "succeeded",
            outputs: scriptedOutputs(job, pairs),
            run_seconds: 1,
          };
        case "FAILED":
        case "CANCELLED":
          return {
            verdict: "failed",
            kind: "application",
            error: new HaystackError("JOB_FAILED", "The scripted job failed.").toRecord(),
            retry_at: now,
            run_seconds: 1,
          };
        default:
          if (now >= deadline_at)
            return {
              verdict: "overdue",
              error: new HaystackError(
                "JOB_DEADLINE_PASSED",
                "The scripted job took too long.",
              ).toRecord(),
            };
          return {
            verdict: "waiting",
            now,
            check_at: Math.min(now + (script.checkMs ?? 5_000), deadline_at),
          };
      }
    },
    async cancelJobs({ job_ids }, { signal, quiesce }) {
      await quiesce();
      await begin("cancelJobs", signal);
      for (const id of job_ids) if (jobs.get(id) === "RUNNING") jobs.set(id, "CANCELLED");
      return { remaining: [], asked_at: script.now(), check_at: script.now(), run_seconds: {} };
    },
    async evaluate({ iteration, round }, { signal }) {
      await begin(`evaluate:${iteration}`, signal);
      return {
        summary: { ...summary(iteration), ...scriptedTries(round, summary(iteration)) },
        ...scriptedPairs(round),
        evaluation: { path: `evaluation-${iteration}`, sha256: "0" },
      };
    },
    async output({ context }, { signal }) {
      await begin(`output:${context.delivered_iteration}`, signal);
      return SCRIPTED_OUTPUTS;
    },
  };
}
