import type { InferenceJobOutput } from "./inference-job-types.ts";
import { kindOfJob } from "./run-actions.ts";
import type { JobKind } from "./pair-types.ts";
import type { RunContext, RunEvent } from "./run-types.ts";

/** The predicates of the run machine. */

interface Given {
  readonly context: RunContext;
  readonly event: RunEvent;
}

const concerns =
  (kind: JobKind) =>
  ({ context, event }: Given): boolean =>
    event.type === "job.changed" && kindOfJob(context.jobs, event.job_id) === kind;

export const concernsPrediction = concerns("prediction");
export const concernsControl = concerns("control");
export const concernsRound = concerns("round");

export const jobSucceeded = (_: Given, { outputs }: InferenceJobOutput): boolean =>
  outputs !== null;

/** A job is shared by all pairs of a round, or by none: one that is settled needs no job. */
export const sharesJob = ({ context: { config, control_strategy_effective, round } }: Given) =>
  config.control_job !== "separate" &&
  (control_strategy_effective === "synthetic_control" || round?.prompts !== undefined) &&
  round?.predictions == null &&
  round?.control_predictions == null;

export const predictionsPresent = ({ context }: Given): boolean =>
  context.round?.predictions != null;

export const controlSettled = ({ context }: Given): boolean =>
  context.control_strategy_effective === "query_as_control" ||
  context.round?.control_predictions != null;

export const shouldStop = ({ context }: Given): boolean => context.termination_reason !== null;

const resumes =
  (phase: RunContext["phase"]) =>
  ({ context }: Given): boolean =>
    context.resume_phase === phase;

export const resumesPrompting = resumes("prompt_generation");
export const resumesInferring = resumes("inference");
export const resumesEvaluating = resumes("evaluation");
export const resumesOutputting = resumes("output_generation");
