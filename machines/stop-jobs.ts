import { assign, setup } from "xstate";
import { outputOf } from "./event-params.ts";
import type { RunSeconds } from "./run-types.ts";
import type { CancelJobsInput, CancelJobsOutput, CheckTrouble } from "./step-types.ts";
import { unbound } from "./unbound.ts";

export interface StopJobsInput {
  readonly job_ids: readonly string[];
}

export interface StopJobsContext {
  readonly job_ids: readonly string[];
  readonly asked_at: number | null;
  readonly wake_at: number | null;
  /** Absent in older snapshots. */
  readonly run_seconds?: RunSeconds;
  /** What kept the newest request from stopping a job; absent in older snapshots. */
  readonly trouble?: CheckTrouble | null;
}

/** What the stopped jobs have to be paid for. */
export interface StopJobsOutput {
  readonly run_seconds: RunSeconds;
}

interface Given {
  readonly context: StopJobsContext;
}

const initialContext = ({ input }: { readonly input: StopJobsInput }): StopJobsContext => ({
  job_ids: input.job_ids,
  asked_at: null,
  wake_at: null,
});

const cancelJobsInput = ({ context }: Given): CancelJobsInput => ({
  job_ids: context.job_ids,
  asked_at: context.asked_at,
  trouble: context.trouble ?? null,
});

const outputOfStop = ({ context }: Given): StopJobsOutput => ({
  run_seconds: context.run_seconds ?? {},
});

/**
 * Asks Batch to cancel jobs and asks again until every one is really terminal: a job that runs on
 * costs money.
 */
export const stopJobsMachine = setup({
  types: {
    input: {} as StopJobsInput,
    context: {} as StopJobsContext,
    output: {} as StopJobsOutput,
    events: {} as
      | { readonly type: "job.changed"; readonly job_id: string }
      | { readonly type: "clock.ticked"; readonly now: number },
  },
  actors: { cancelJobs: unbound<CancelJobsOutput, CancelJobsInput>("cancelJobs") },
  actions: {
    keepRemaining: assign((_, output: CancelJobsOutput) => ({
      job_ids: output.remaining,
      asked_at: output.asked_at,
      wake_at: output.check_at,
      trouble: output.trouble ?? null,
    })),
    addRunSeconds: assign(({ context }, output: CancelJobsOutput) => ({
      run_seconds: { ...context.run_seconds, ...output.run_seconds },
    })),
    forgetWakeUp: assign({ wake_at: null }),
    /** Zero is overdue at once: the next tick asks again. */
    askAtNextTick: assign({ wake_at: 0 }),
  },
  guards: {
    allTerminal: (_, output: CancelJobsOutput) => output.remaining.length === 0,
    nothingToStop: ({ context }) => context.job_ids.length === 0,
    isDue: ({ context, event }) =>
      event.type === "clock.ticked" && context.wake_at !== null && event.now >= context.wake_at,
  },
}).createMachine({
  id: "stopJobs",
  context: initialContext,
  initial: "deciding",
  states: {
    deciding: {
      always: [
        {
          guard: "nothingToStop",
          target: "stopped",
        },
        { target: "cancelling" },
      ],
    },
    cancelling: {
      entry: "forgetWakeUp",
      invoke: {
        id: "cancelJobs",
        src: "cancelJobs",
        input: cancelJobsInput,
        onDone: [
          {
            guard: {
              type: "allTerminal",
              params: outputOf,
            },
            target: "stopped",
            actions: {
              type: "addRunSeconds",
              params: outputOf,
            },
          },
          {
            target: "waiting",
            actions: [
              {
                type: "keepRemaining",
                params: outputOf,
              },
              {
                type: "addRunSeconds",
                params: outputOf,
              },
            ],
          },
        ],
        onError: {
          target: "waiting",
          actions: "askAtNextTick",
        },
      },
    },
    waiting: {
      on: {
        "job.changed": { target: "cancelling" },
        "clock.ticked": {
          guard: "isDue",
          target: "cancelling",
        },
      },
    },
    stopped: { type: "final" },
  },
  output: outputOfStop,
});
