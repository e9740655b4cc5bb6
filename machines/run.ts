import { assign, sendTo, setup } from "xstate";
import type { RunPhase } from "../services/runs/document.ts";
import { inferenceJobMachine, type InferenceJobOutput } from "./inference-job.ts";
import {
  deliveredIteration,
  failure,
  finishIteration,
  finishJob,
  jobInput,
  kindOfJob,
  liveJobs,
  markCancelled,
  modelSpent,
  newRound,
  oweMail,
  present,
  recordJob,
  scores,
  terminationReason,
  understanding,
} from "./run-actions.ts";
import type {
  AnalyzeInput,
  AnalyzeOutput,
  EvaluateInput,
  EvaluateOutput,
  JobKind,
  OutputInput,
  OutputOutput,
  OwedMail,
  PromptInput,
  PromptOutput,
  RunContext,
  RunEvent,
  RunInput,
  StepFailure,
} from "./run-types.ts";
import { stopJobsMachine, type StopJobsOutput } from "./stop-jobs.ts";
import { unbound } from "./unbound.ts";

/**
 * Stored with every snapshot (D10). Raised when a stored snapshot could no longer restore; see
 * docs/decisions/.
 */
export const RUN_MACHINE = { id: "run", version: "1" } as const;

/** One question on its way to an answer. */
export const runMachine = setup({
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
    finishJob: assign(({ context }, params: { kind: JobKind; output: InferenceJobOutput }) =>
      finishJob(context, params.kind, params.output),
    ),
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
      termination_reason: terminationReason(scores(context.iterations), context.config),
    })),
    markJobsCancelled: assign(({ context }, output: StopJobsOutput) => ({
      jobs: markCancelled(context.jobs, output.run_seconds),
    })),
    oweMail: assign(({ context }, params: { kind: OwedMail["kind"] }) =>
      oweMail(context, params.kind),
    ),
    forwardToPredictionJob: sendTo("predictionJob", ({ event }) => event),
    forwardToControlJob: sendTo("controlJob", ({ event }) => event),
    forwardToStopJobs: sendTo("stopJobs", ({ event }) => event),
  },
  guards: {
    jobSucceeded: (_, output: InferenceJobOutput) => output.predictions !== null,
    concernsPrediction: ({ context, event }) =>
      event.type === "job.changed" && kindOfJob(context.jobs, event.job_id) === "prediction",
    concernsControl: ({ context, event }) =>
      event.type === "job.changed" && kindOfJob(context.jobs, event.job_id) === "control",
    predictionsPresent: ({ context }) => context.round?.predictions != null,
    controlSettled: ({ context }) =>
      context.control_strategy_effective === "query_as_control" ||
      context.round?.control_predictions != null,
    shouldStop: ({ context }) => context.termination_reason !== null,
    resumesPrompting: ({ context }) => context.resume_phase === "prompt_generation",
    resumesInferring: ({ context }) => context.resume_phase === "inference",
    resumesEvaluating: ({ context }) => context.resume_phase === "evaluation",
    resumesOutputting: ({ context }) => context.resume_phase === "output_generation",
  },
}).createMachine({
  id: "run",
  context: ({ input }) => ({
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
  }),
  initial: "queued",
  on: { "job.recorded": { actions: "recordJob" } },
  states: {
    queued: {
      entry: { type: "enterPhase", params: { phase: "pending" } },
      on: {
        "run.admitted": [
          { guard: "resumesPrompting", target: "prompting" },
          { guard: "resumesInferring", target: "inferring" },
          { guard: "resumesEvaluating", target: "evaluating" },
          { guard: "resumesOutputting", target: "outputting" },
          { target: "analyzing" },
        ],
        "cancel.requested": { target: "cancelling" },
      },
    },
    analyzing: {
      entry: { type: "enterPhase", params: { phase: "query_analysis" } },
      invoke: {
        id: "analyze",
        src: "analyze",
        input: ({ context: { run_id, query, config } }) => ({ run_id, query, config }),
        onDone: {
          target: "prompting",
          actions: { type: "setUnderstanding", params: ({ event }) => event.output },
        },
        onError: {
          target: "failing",
          actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    prompting: {
      entry: [{ type: "enterPhase", params: { phase: "prompt_generation" } }, "startIteration"],
      invoke: {
        id: "prompt",
        src: "prompt",
        input: ({ context }) => ({
          run_id: context.run_id,
          config: context.config,
          random_seed: context.random_seed,
          iteration: context.iteration,
          structured_query: present(context.structured_query, "structured query"),
          control_strategy_effective: present(
            context.control_strategy_effective,
            "control strategy",
          ),
          iterations: context.iterations.map(({ summary }) => summary),
          model_spent: modelSpent(context, `prompt.${context.iteration}`),
        }),
        onDone: {
          target: "inferring",
          actions: { type: "setPrompt", params: ({ event }) => event.output },
        },
        onError: {
          target: "failing",
          actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    inferring: {
      entry: { type: "enterPhase", params: { phase: "inference" } },
      type: "parallel",
      states: {
        prediction: {
          initial: "deciding",
          states: {
            deciding: {
              always: [{ guard: "predictionsPresent", target: "ready" }, { target: "predicting" }],
            },
            predicting: {
              invoke: {
                id: "predictionJob",
                src: "inferenceJob",
                input: ({ context }) => jobInput(context, "prediction"),
                onDone: [
                  {
                    guard: { type: "jobSucceeded", params: ({ event }) => event.output },
                    target: "ready",
                    actions: {
                      type: "finishJob",
                      params: ({ event }) => ({
                        kind: "prediction" as const,
                        output: event.output,
                      }),
                    },
                  },
                  {
                    target: "#run.failing",
                    actions: {
                      type: "setError",
                      params: ({ event }) => ({ error: event.output.error }),
                    },
                  },
                ],
                onError: {
                  target: "#run.failing",
                  actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
                },
              },
              on: {
                "job.changed": { guard: "concernsPrediction", actions: "forwardToPredictionJob" },
                "clock.ticked": { actions: "forwardToPredictionJob" },
              },
            },
            ready: { type: "final" },
          },
        },
        control: {
          initial: "deciding",
          states: {
            deciding: {
              always: [{ guard: "controlSettled", target: "ready" }, { target: "predicting" }],
            },
            predicting: {
              invoke: {
                id: "controlJob",
                src: "inferenceJob",
                input: ({ context }) => jobInput(context, "control"),
                onDone: [
                  {
                    guard: { type: "jobSucceeded", params: ({ event }) => event.output },
                    target: "ready",
                    actions: {
                      type: "finishJob",
                      params: ({ event }) => ({ kind: "control" as const, output: event.output }),
                    },
                  },
                  {
                    target: "#run.failing",
                    actions: {
                      type: "setError",
                      params: ({ event }) => ({ error: event.output.error }),
                    },
                  },
                ],
                onError: {
                  target: "#run.failing",
                  actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
                },
              },
              on: {
                "job.changed": { guard: "concernsControl", actions: "forwardToControlJob" },
                "clock.ticked": { actions: "forwardToControlJob" },
              },
            },
            ready: { type: "final" },
          },
        },
      },
      onDone: { target: "evaluating" },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    evaluating: {
      entry: { type: "enterPhase", params: { phase: "evaluation" } },
      initial: "scoring",
      states: {
        scoring: {
          invoke: {
            id: "evaluate",
            src: "evaluate",
            input: ({ context }) => ({
              run_id: context.run_id,
              config: context.config,
              random_seed: context.random_seed,
              iteration: context.iteration,
              structured_query: present(context.structured_query, "structured query"),
              control_strategy_effective: present(
                context.control_strategy_effective,
                "control strategy",
              ),
              round: present(context.round, "prompt plan"),
              model_spent: modelSpent(context, `evaluate.${context.iteration}`),
            }),
            onDone: {
              target: "deciding",
              actions: { type: "finishIteration", params: ({ event }) => event.output },
            },
            onError: {
              target: "#run.failing",
              actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
            },
          },
        },
        deciding: {
          always: [
            { guard: "shouldStop", target: "#run.outputting", actions: "chooseDelivered" },
            { target: "#run.prompting" },
          ],
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    outputting: {
      entry: { type: "enterPhase", params: { phase: "output_generation" } },
      invoke: {
        id: "output",
        src: "output",
        input: ({ context }) => ({ context }),
        onDone: {
          target: "completed",
          actions: { type: "setOutputs", params: ({ event }) => event.output },
        },
        onError: {
          target: "failing",
          actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    failing: {
      invoke: {
        id: "stopJobs",
        src: "stopJobs",
        input: ({ context }) => ({ job_ids: liveJobs(context.jobs) }),
        onDone: {
          target: "failed",
          actions: { type: "markJobsCancelled", params: ({ event }) => event.output },
        },
        onError: { target: "failed" },
      },
      on: {
        "job.changed": { actions: "forwardToStopJobs" },
        "clock.ticked": { actions: "forwardToStopJobs" },
        "cancel.requested": { target: "cancelling" },
      },
    },
    failed: {
      entry: { type: "oweMail", params: { kind: "run_failed" } },
      on: {
        "retry.requested": { target: "queued", actions: "queueAgain" },
        "cancel.requested": { target: "cancelling" },
      },
    },
    cancelling: {
      entry: "setCancelled",
      invoke: {
        id: "stopJobs",
        src: "stopJobs",
        input: ({ context }) => ({ job_ids: liveJobs(context.jobs) }),
        onDone: {
          target: "cancelled",
          actions: { type: "markJobsCancelled", params: ({ event }) => event.output },
        },
        onError: { target: "cancelled" },
      },
      on: {
        "job.changed": { actions: "forwardToStopJobs" },
        "clock.ticked": { actions: "forwardToStopJobs" },
      },
    },
    completed: { type: "final", entry: { type: "oweMail", params: { kind: "run_completed" } } },
    cancelled: { type: "final", entry: { type: "oweMail", params: { kind: "run_cancelled" } } },
  },
});

export type RunMachine = typeof runMachine;
