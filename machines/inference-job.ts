import { errorOf, outputOf } from "./event-params.ts";
import {
  checkJobInput,
  initialContext,
  outputOfJob,
  prepareJobInput,
  stopJobsInput,
  submitJobInput,
} from "./inference-job-inputs.ts";
import { inferenceJobSetup } from "./inference-job-setup.ts";

/**
 * One inference job of one iteration, with its attempts. `job.changed` is a hint; Batch is the
 * truth (D8).
 */
export const inferenceJobMachine = inferenceJobSetup.createMachine({
  id: "inferenceJob",
  context: initialContext,
  initial: "preparing",
  states: {
    preparing: {
      invoke: {
        id: "prepareJob",
        src: "prepareJob",
        input: prepareJobInput,
        onDone: [
          {
            guard: {
              type: "isFound",
              params: outputOf,
            },
            target: "succeeded",
            actions: {
              type: "setFound",
              params: outputOf,
            },
          },
          {
            target: "submitting",
            actions: {
              type: "setPrepared",
              params: outputOf,
            },
          },
        ],
        onError: {
          target: "failed",
          actions: {
            type: "setError",
            params: errorOf,
          },
        },
      },
    },
    submitting: {
      entry: "reportToRun",
      invoke: {
        id: "submitJob",
        src: "submitJob",
        input: submitJobInput,
        onDone: [
          {
            guard: {
              type: "isPostponed",
              params: outputOf,
            },
            target: "postponed",
            actions: [
              {
                type: "setNextTry",
                params: outputOf,
              },
              "reportToRun",
            ],
          },
          {
            target: "awaiting",
            actions: [
              {
                type: "setTimes",
                params: outputOf,
              },
              "reportToRun",
            ],
          },
        ],
        onError: [
          {
            guard: {
              type: "wasRefused",
              params: errorOf,
            },
            target: "failed",
            actions: [
              {
                type: "setError",
                params: errorOf,
              },
              "markFailed",
              "reportToRun",
            ],
          },
          {
            target: "failed",
            actions: {
              type: "setError",
              params: errorOf,
            },
          },
        ],
      },
    },
    postponed: {
      on: {
        "clock.ticked": {
          guard: "isDue",
          target: "submitting",
        },
      },
    },
    awaiting: {
      on: {
        "job.changed": {
          guard: "isMine",
          target: "checking",
        },
        "clock.ticked": {
          guard: "isDue",
          target: "checking",
        },
      },
    },
    checking: {
      entry: "forgetChange",
      on: {
        "job.changed": {
          guard: "isMine",
          actions: "noteChange",
        },
      },
      invoke: {
        id: "checkJob",
        src: "checkJob",
        input: checkJobInput,
        onDone: [
          {
            guard: {
              type: "isOutOfDate",
              params: outputOf,
            },
            target: "checking",
            reenter: true,
          },
          {
            guard: {
              type: "isHeldOtherwise",
              params: outputOf,
            },
            target: "awaiting",
            actions: [
              {
                type: "setNextCheck",
                params: outputOf,
              },
              {
                type: "setHold",
                params: outputOf,
              },
              "reportToRun",
            ],
          },
          {
            guard: {
              type: "isWaiting",
              params: outputOf,
            },
            target: "awaiting",
            actions: {
              type: "setNextCheck",
              params: outputOf,
            },
          },
          {
            guard: {
              type: "hasSucceeded",
              params: outputOf,
            },
            target: "succeeded",
            actions: {
              type: "setSuccess",
              params: outputOf,
            },
          },
          {
            guard: {
              type: "isOverdue",
              params: outputOf,
            },
            target: "expiring",
            actions: {
              type: "setOverdue",
              params: outputOf,
            },
          },
          {
            guard: {
              type: "mayRetry",
              params: outputOf,
            },
            target: "retrying",
            actions: [
              {
                type: "setFailure",
                params: outputOf,
              },
              "reportToRun",
            ],
          },
          {
            target: "failed",
            actions: [
              {
                type: "setFailure",
                params: outputOf,
              },
              "reportToRun",
            ],
          },
        ],
        onError: {
          target: "awaiting",
          actions: "checkAtNextTick",
        },
      },
    },
    retrying: {
      on: {
        "clock.ticked": {
          guard: "isDue",
          target: "submitting",
          actions: "nameNextAttempt",
        },
      },
    },
    expiring: {
      invoke: {
        id: "stopJobs",
        src: "stopJobs",
        input: stopJobsInput,
        onDone: {
          target: "failed",
          actions: [
            {
              type: "setPrice",
              params: outputOf,
            },
            "reportToRun",
          ],
        },
        onError: {
          target: "failed",
          actions: "reportToRun",
        },
      },
      on: {
        "job.changed": { actions: "forwardToStopJobs" },
        "clock.ticked": { actions: "forwardToStopJobs" },
      },
    },
    succeeded: { type: "final" },
    failed: { type: "final" },
  },
  output: outputOfJob,
});
