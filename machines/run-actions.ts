import type { RunConfig, TerminationReason } from "../services/runs/document.ts";
import type { IterationSummary } from "../services/runs/iteration.ts";
import { paidFor } from "./inference-job-actions.ts";
import type { InferenceJobOutput } from "./inference-job-types.ts";
import type { JobKind, PromptPairs } from "./pair-types.ts";
import type {
  CurrentRound,
  FinishedIteration,
  JobRecord,
  ModelUsage,
  OwedMail,
  RunContext,
  RunSeconds,
  StepFailure,
} from "./run-types.ts";
import type { AnalyzeOutput, EvaluateOutput, PromptOutput } from "./step-types.ts";

/** The mechanism below the run machine: plain functions from context to context, no XState. */

/**
 * A value the machine's order of states guarantees; its absence is a fault in the machine itself.
 */
export function present<Value>(value: Value | null, name: string): Value {
  if (value === null) throw new Error(`The run has no ${name} in a state that needs it.`);
  return value;
}

/** False once neither number of an answer can be expected to improve. */
export const mayImprove = (iterations: readonly FinishedIteration[]): boolean => {
  const outlook = iterations.at(-1)?.summary.outlook;
  return outlook === undefined || outlook.accuracy_may_improve || outlook.score_may_improve;
};

export const scores = (iterations: readonly FinishedIteration[]): number[] =>
  iterations.map(({ summary }) => summary.score);

/**
 * Why a run stops after its newest iteration, or null to go on. A plateau is a window without a
 * gain over the best before it. The last reason is that no gain is expected.
 */
export function terminationReason(
  summaries: readonly number[],
  config: RunConfig,
  gainMayCome = true,
): TerminationReason | null {
  const newest = summaries.at(-1);
  if (newest === undefined) return null;
  if (newest >= config.score_threshold) return "converged";
  if (summaries.length >= config.max_iterations) return "max_iterations";
  if (summaries.length > config.plateau_window) {
    const before = Math.max(...summaries.slice(0, -config.plateau_window));
    const within = Math.max(...summaries.slice(-config.plateau_window));
    if (within - before < config.min_improvement) return "plateau";
  }
  return gainMayCome ? null : "no_expected_gain";
}

/**
 * The iteration whose predictions are delivered; of equally good ones the first.
 */
export function deliveredIteration(
  iterations: readonly FinishedIteration[],
  deliver: RunConfig["deliver"],
): IterationSummary {
  const summaries = iterations.map(({ summary }) => summary);
  const [first, ...rest] = deliver === "last" ? summaries.toReversed() : summaries;
  if (first === undefined) throw new Error("A run delivers only after an iteration.");
  return deliver === "last"
    ? first
    : rest.reduce((best, next) => (next.score > best.score ? next : best), first);
}

export function recordJob(jobs: readonly JobRecord[], job: JobRecord): JobRecord[] {
  const known = jobs.findIndex(({ job_id }) => job_id === job.job_id);
  return known === -1 ? [...jobs, job] : jobs.with(known, job);
}

/** A job is on record before it is submitted. */
export const kindOfJob = (jobs: readonly JobRecord[], jobId: string): JobKind | undefined =>
  jobs.findLast(({ job_id }) => job_id === jobId)?.kind;

/** Jobs that may still run on a GPU. */
export function liveJobs(jobs: readonly JobRecord[]): string[] {
  return jobs
    .filter(({ state }) => state === "submitting" || state === "submitted")
    .map(({ job_id }) => job_id);
}

/** A stopped job is paid for as long as it ran, also when it had succeeded by then. */
export const markCancelled = (jobs: readonly JobRecord[], runSeconds: RunSeconds): JobRecord[] =>
  jobs.map((job) =>
    job.state === "submitting" || job.state === "submitted"
      ? { ...job, state: "cancelled", ...paidFor(job, runSeconds[job.job_id] ?? null) }
      : job,
  );

/**
 * What the run used of the language model, but for the step named, which reports its usage anew
 * when it runs again.
 */
export const modelSpent = ({ model_usage }: RunContext, but?: string): ModelUsage =>
  Object.entries(model_usage ?? {}).reduce(
    (sum, [step, { tokens, usd }]) =>
      step === but ? sum : { tokens: sum.tokens + tokens, usd: sum.usd + usd },
    { tokens: 0, usd: 0 },
  );

const recordUsage = (
  { model_usage }: RunContext,
  step: string,
  usage: ModelUsage | undefined,
): Pick<RunContext, "model_usage"> =>
  usage === undefined ? {} : { model_usage: { ...model_usage, [step]: usage } };

export const understanding = (
  context: RunContext,
  { usage, ...understood }: AnalyzeOutput,
): Partial<RunContext> => ({ ...understood, ...recordUsage(context, "analyze", usage) });

export const newRound = (
  context: RunContext,
  { usage, ...chosen }: PromptOutput,
): Partial<RunContext> => ({
  round: { ...chosen, predictions: null, control_predictions: null },
  ...recordUsage(context, `prompt.${context.iteration}`, usage),
});

export function finishJob(
  context: RunContext,
  { outputs, job, found }: InferenceJobOutput,
): Partial<RunContext> {
  const round: CurrentRound = present(context.round, "prompt plan");
  return {
    round: {
      ...round,
      predictions: outputs?.prediction ?? round.predictions,
      control_predictions: outputs?.control ?? round.control_predictions,
      ...(round.prompts === undefined ? {} : { outputs: { ...round.outputs, ...outputs } }),
      ...(Object.keys(found).length === 0 ? {} : { found: { ...round.found, ...found } }),
    },
    jobs: job === null ? context.jobs : recordJob(context.jobs, job),
  };
}

/** The predictions from one prompt of the round. */
export function predictionsOf(
  { predictions, control_predictions, outputs = {} }: CurrentRound,
  pairs: PromptPairs | undefined,
): Pick<FinishedIteration, "predictions" | "control_predictions"> {
  if (pairs === undefined)
    return { predictions: present(predictions, "predictions"), control_predictions };
  const { prediction, control } = pairs;
  return {
    predictions: present(outputs[prediction] ?? null, prediction),
    control_predictions: control === null ? null : present(outputs[control] ?? null, control),
  };
}

export function finishIteration(context: RunContext, output: EvaluateOutput): Partial<RunContext> {
  const round = present(context.round, "prompt plan");
  const finished: FinishedIteration = {
    summary: output.summary,
    plan: round.plan,
    ...predictionsOf(round, output.pairs),
    ...(output.pairs === undefined ? {} : { pairs: output.pairs }),
    ...(output.mixed === undefined
      ? {}
      : { mixed: output.mixed.map((pairs) => ({ pairs, ...predictionsOf(round, pairs) })) }),
    evaluation: output.evaluation,
    ...(output.response === undefined ? {} : { response: output.response }),
  };
  const iterations = [...context.iterations, finished];
  return {
    iterations,
    round: null,
    termination_reason: terminationReason(
      scores(iterations),
      context.config,
      mayImprove(iterations),
    ),
    ...recordUsage(context, `evaluate.${context.iteration}`, output.usage),
  };
}

/** Each failure and each end owes one mail; the key numbers repeated failures after RETRY. */
export function oweMail(context: RunContext, kind: OwedMail["kind"]): Partial<RunContext> {
  const number = context.mails.filter((mail) => mail.kind === kind).length + 1;
  return { mails: [...context.mails, { kind, key: `${context.run_id}.${kind}.${number}` }] };
}

/** A child machine that breaks gives an error without a code: it is a fault of ours. */
export const failure = (
  context: RunContext,
  {
    code = "INTERNAL",
    message,
    retryable = true,
    model_usage: used,
  }: Partial<StepFailure> & { readonly message: string },
): Partial<RunContext> => ({
  error: { code, message, retryable, phase: context.phase },
  termination_reason: "failed",
  ...recordUsage(context, used?.step ?? "", used && { tokens: used.tokens, usd: used.usd }),
});
