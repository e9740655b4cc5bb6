import type { InferenceJobInput } from "./inference-job-types.ts";
import { pairsOfPrompts } from "./job-id.ts";
import { liveJobs, modelSpent, present } from "./run-actions.ts";
import type { JobKind } from "./pair-types.ts";
import type { RunContext, RunInput } from "./run-types.ts";
import type { AnalyzeInput, EvaluateInput, OutputInput, PromptInput } from "./step-types.ts";
import type { StopJobsInput } from "./stop-jobs.ts";

/** What the run machine gives its steps and child machines, each from its context. */

interface Given {
  readonly context: RunContext;
}

export const initialContext = ({ input }: { readonly input: RunInput }): RunContext => ({
  ...input,
  phase: "pending",
  iteration: 0,
  structured_query: null,
  control_cells_available: null,
  control_strategy_effective: null,
  round: null,
  jobs: [],
  iterations: [],
  delivered_iteration: null,
  outputs: null,
  termination_reason: null,
  error: null,
  mails: [],
});

export const analyzeInput = ({ context: { run_id, query, config } }: Given): AnalyzeInput => ({
  run_id,
  query,
  config,
});

const ofIteration = (context: RunContext) => ({
  run_id: context.run_id,
  config: context.config,
  random_seed: context.random_seed,
  iteration: context.iteration,
  structured_query: present(context.structured_query, "structured query"),
  control_strategy_effective: present(context.control_strategy_effective, "control strategy"),
});

export const promptInput = ({ context }: Given): PromptInput => ({
  ...ofIteration(context),
  iterations: context.iterations.map(({ summary }) => summary),
  model_spent: modelSpent(context, `prompt.${context.iteration}`),
});

export const evaluateInput = ({ context }: Given): EvaluateInput => ({
  ...ofIteration(context),
  round: present(context.round, "prompt plan"),
  iterations: context.iterations.map(({ summary }) => summary),
  model_spent: modelSpent(context, `evaluate.${context.iteration}`),
});

export const outputInput = ({ context }: Given): OutputInput => ({ context });

export const stopJobsInput = ({ context }: Given): StopJobsInput => ({
  job_ids: liveJobs(context.jobs),
});

export function jobInput(context: RunContext, kind: JobKind): InferenceJobInput {
  const attempts = context.jobs
    .filter((job) => job.iteration === context.iteration && job.kind === kind)
    .map(({ attempt }) => attempt);
  const { plan, prompts } = present(context.round, "prompt plan");
  return {
    run_id: context.run_id,
    iteration: context.iteration,
    kind,
    ...(prompts === undefined ? {} : { pairs: pairsOfPrompts(prompts) }),
    plan,
    random_seed: context.random_seed,
    first_attempt: Math.max(0, ...attempts) + 1,
    limits: {
      application: context.config.max_job_attempts,
      preempted: context.config.max_preemptions,
      transient: context.config.max_transient_failures,
    },
    deadline_seconds: context.config.job_deadline_seconds,
    max_gpu_cost_usd: context.config.max_gpu_cost_usd,
  };
}
