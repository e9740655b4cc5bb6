import { errorOf, outputOf } from "./event-params.ts";
import { inferring } from "./run-inference.ts";
import {
  analyzeInput,
  evaluateInput,
  initialContext,
  outputInput,
  promptInput,
  stopJobsInput,
} from "./run-inputs.ts";
import { runSetup } from "./run-setup.ts";

/**
 * Stored with every snapshot (D10). Raised when a stored snapshot could no longer restore; see
 * docs/decisions/.
 */
export const RUN_MACHINE = { id: "run", version: "2" } as const;

/** One question on its way to an answer. */
export const runMachine = runSetup.createMachine({
  id: "run",
  context: initialContext,
  initial: "queued",
  on: { "job.recorded": { actions: "recordJob" } },
  states: {
    queued: {
      entry: {
        type: "enterPhase",
        params: { phase: "pending" },
      },
      on: {
        "run.admitted": [
          {
            guard: "resumesPrompting",
            target: "prompting",
          },
          {
            guard: "resumesInferring",
            target: "inferring",
          },
          {
            guard: "resumesEvaluating",
            target: "evaluating",
          },
          {
            guard: "resumesOutputting",
            target: "outputting",
          },
          { target: "analyzing" },
        ],
        "cancel.requested": { target: "cancelling" },
      },
    },
    analyzing: {
      entry: {
        type: "enterPhase",
        params: { phase: "query_analysis" },
      },
      invoke: {
        id: "analyze",
        src: "analyze",
        input: analyzeInput,
        onDone: {
          target: "prompting",
          actions: {
            type: "setUnderstanding",
            params: outputOf,
          },
        },
        onError: {
          target: "failing",
          actions: {
            type: "setError",
            params: errorOf,
          },
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    prompting: {
      entry: [
        {
          type: "enterPhase",
          params: { phase: "prompt_generation" },
        },
        "startIteration",
      ],
      invoke: {
        id: "prompt",
        src: "prompt",
        input: promptInput,
        onDone: {
          target: "inferring",
          actions: {
            type: "setPrompt",
            params: outputOf,
          },
        },
        onError: {
          target: "failing",
          actions: {
            type: "setError",
            params: errorOf,
          },
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    inferring,
    evaluating: {
      entry: {
        type: "enterPhase",
        params: { phase: "evaluation" },
      },
      initial: "scoring",
      states: {
        scoring: {
          invoke: {
            id: "evaluate",
            src: "evaluate",
            input: evaluateInput,
            onDone: {
              target: "deciding",
              actions: {
                type: "finishIteration",
                params: outputOf,
              },
            },
            onError: {
              target: "#run.failing",
              actions: {
                type: "setError",
                params: errorOf,
              },
            },
          },
        },
        deciding: {
          always: [
            {
              guard: "shouldStop",
              target: "#run.outputting",
              actions: "chooseDelivered",
            },
            { target: "#run.prompting" },
          ],
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    outputting: {
      entry: {
        type: "enterPhase",
        params: { phase: "output_generation" },
      },
      invoke: {
        id: "output",
        src: "output",
        input: outputInput,
        onDone: {
          target: "completed",
          actions: {
            type: "setOutputs",
            params: outputOf,
          },
        },
        onError: {
          target: "failing",
          actions: {
            type: "setError",
            params: errorOf,
          },
        },
      },
      on: { "cancel.requested": { target: "cancelling" } },
    },
    failing: {
      invoke: {
        id: "stopJobs",
        src: "stopJobs",
        input: stopJobsInput,
        onDone: {
          target: "failed",
          actions: {
            type: "markJobsCancelled",
            params: outputOf,
          },
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
      entry: {
        type: "oweMail",
        params: { kind: "run_failed" },
      },
      on: {
        "retry.requested": {
          target: "queued",
          actions: "queueAgain",
        },
        "cancel.requested": { target: "cancelling" },
      },
    },
    cancelling: {
      entry: "setCancelled",
      invoke: {
        id: "stopJobs",
        src: "stopJobs",
        input: stopJobsInput,
        onDone: {
          target: "cancelled",
          actions: {
            type: "markJobsCancelled",
            params: outputOf,
          },
        },
        onError: { target: "cancelled" },
      },
      on: {
        "job.changed": { actions: "forwardToStopJobs" },
        "clock.ticked": { actions: "forwardToStopJobs" },
      },
    },
    completed: {
      type: "final",
      entry: {
        type: "oweMail",
        params: { kind: "run_completed" },
      },
    },
    cancelled: {
      type: "final",
      entry: {
        type: "oweMail",
        params: { kind: "run_cancelled" },
      },
    },
  },
});

export type RunMachine = typeof runMachine;
