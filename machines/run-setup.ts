import { assign, sendTo, setup } from "xstate";
import type { RunPhase } from "../services/runs/document.ts";
import type { InferenceJobOutput } from "./inference-job-types.ts";
import { inferenceJobMachine } from "./inference-job.ts";
import {
  deliveredIteration,
  failure,
  finishIteration,
  finishJob,
  markCancelled,
  mayImprove,
  newRound,
  oweMail,
  recordJob,
  scores,
  terminationReason,
  understanding,
} from "./run-actions.ts";
import {
  concernsControl,
  concernsPrediction,
  concernsRound,
  controlSettled,
  jobSucceeded,
  predictionsPresent,
  resumesEvaluating,
  resumesInferring,
  resumesOutputting,
  resumesPrompting,
  sharesJob,
  shouldStop,
} from "./run-guards.ts";
import type { OwedMail, RunContext, RunEvent, RunInput, StepFailure } from "./run-types.ts";
import type {
  AnalyzeInput,
  AnalyzeOutput,
  EvaluateInput,
  EvaluateOutput,
  OutputInput,
  OutputOutput,
  PromptInput,
  PromptOutput,
} from "./step-types.ts";
import { stopJobsMachine, type StopJobsOutput } from "./stop-jobs.ts";
import { unbound } from "./unbound.ts";

/** The names of the run machine, and what each stands for. */
export const runSetup = setup({
  types: { input: {} as RunInput, context: {} as RunContext, events: {} as RunEvent },
  actors: {
    analyze: unbound<AnalyzeOutput, AnalyzeInput>("analyze"),
    prompt: unbound<PromptOutput, PromptInput>("prompt"),
    evaluate: unbound<EvaluateOutput, EvaluateInput>("evaluate"),
    output: unbound<OutputOutput, OutputInput>("output"),
    inferenceJob: inferenceJobMachine,
    stopJobs: stopJobsMachine,
  },
  actions: {
    enterPhase: assign((_, params: { phase: RunPhase }) => ({ phase: params.phase })),
    startIteration: assign(({ context }) => ({ iteration: context.iterations.length + 1 })),
    setUnderstanding: assign(({ context }, output: AnalyzeOutput) =>
      understanding(context, output),
    ),
    setPrompt: assign(({ context }, output: PromptOutput) => newRound(context, output)),
    recordJob: assign(({ context, event }) =>
      event.type === "job.recorded" ? { jobs: recordJob(context.jobs, event.job) } : {},
    ),
    finishJob: assign(({ context }, output: InferenceJobOutput) => finishJob(context, output)),
    finishIteration: assign(({ context }, output: EvaluateOutput) =>
      finishIteration(context, output),
    ),
    chooseDelivered: assign(({ context }) => ({
      delivered_iteration: deliveredIteration(context.iterations, context.config.deliver).iteration,
    })),
    setOutputs: assign((_, output: OutputOutput) => ({ outputs: output })),
    setError: assign(({ context }, params: { error: unknown }) =>
      failure(context, params.error as StepFailure),
    ),
    setCancelled: assign({ termination_reason: "cancelled" as const, error: null }),
    queueAgain: assign(({ context }) => ({
      resume_phase: context.error?.phase ?? null,
      error: null,
      termination_reason: terminationReason(
        scores(context.iterations),
        context.config,
        mayImprove(context.iterations),
      ),
    })),
    markJobsCancelled: assign(({ context }, output: StopJobsOutput) => ({
      jobs: markCancelled(context.jobs, output.run_seconds),
    })),
    oweMail: assign(({ context }, params: { kind: OwedMail["kind"] }) =>
      oweMail(context, params.kind),
    ),
    forwardToPredictionJob: sendTo("predictionJob", ({ event }) => event),
    forwardToControlJob: sendTo("controlJob", ({ event }) => event),
    forwardToRoundJob: sendTo("roundJob", ({ event }) => event),
    forwardToStopJobs: sendTo("stopJobs", ({ event }) => event),
  },
  guards: {
    jobSucceeded,
    concernsPrediction,
    concernsControl,
    concernsRound,
    sharesJob,
    predictionsPresent,
    controlSettled,
    shouldStop,
    resumesPrompting,
    resumesInferring,
    resumesEvaluating,
    resumesOutputting,
  },
});
