import { assign, sendParent, sendTo, setup } from "xstate";
import type { ErrorRecord } from "../errors.ts";
import {
  failedAttempt,
  found,
  heldOrFreed,
  markedFailed,
  nextAttempt,
  overdue,
  postponed,
  priced,
  stillWaiting,
  submitted,
  succeeded,
} from "./inference-job-actions.ts";
import {
  hasSucceeded,
  isDue,
  isFound,
  isHeldOtherwise,
  isMine,
  isOutOfDate,
  isOverdue,
  isPostponed,
  isWaiting,
  mayRetry,
  wasRefused,
} from "./inference-job-guards.ts";
import type {
  InferenceJobContext,
  InferenceJobEvent,
  InferenceJobInput,
  InferenceJobOutput,
} from "./inference-job-types.ts";
import type { PreparedJob } from "./pair-types.ts";
import type {
  CheckJobInput,
  CheckJobOutput,
  PrepareJobInput,
  SubmitJobInput,
  SubmitJobOutput,
} from "./step-types.ts";
import { stopJobsMachine, type StopJobsOutput } from "./stop-jobs.ts";
import { unbound } from "./unbound.ts";

/** The names of the machine of one inference job, and what each stands for. */
export const inferenceJobSetup = setup({
  types: {
    input: {} as InferenceJobInput,
    context: {} as InferenceJobContext,
    events: {} as InferenceJobEvent,
    output: {} as InferenceJobOutput,
  },
  actors: {
    prepareJob: unbound<PreparedJob, PrepareJobInput>("prepareJob"),
    submitJob: unbound<SubmitJobOutput, SubmitJobInput>("submitJob"),
    checkJob: unbound<CheckJobOutput, CheckJobInput>("checkJob"),
    stopJobs: stopJobsMachine,
  },
  actions: {
    reportToRun: sendParent(({ context }: { context: InferenceJobContext }) => ({
      type: "job.recorded",
      job: context.job,
    })),
    forwardToStopJobs: sendTo("stopJobs", ({ event }) => event),
    nameNextAttempt: assign(({ context }) => nextAttempt(context)),
    setPrepared: assign((_, output: PreparedJob) => ({ prepared: output })),
    setFound: assign((_, output: PreparedJob) => found(output)),
    setTimes: assign(({ context }, output: SubmitJobOutput) => submitted(context, output)),
    setNextTry: assign(({ context }, output: SubmitJobOutput) => postponed(context, output)),
    setNextCheck: assign((_, output: CheckJobOutput) => stillWaiting(output)),
    setHold: assign(({ context }, output: CheckJobOutput) => heldOrFreed(context, output)),
    checkAtNextTick: assign({ wake_at: 0 }),
    noteChange: assign({ changed: true }),
    forgetChange: assign({ changed: false }),
    setSuccess: assign(({ context }, output: CheckJobOutput) => succeeded(context, output)),
    setFailure: assign(({ context }, output: CheckJobOutput) => failedAttempt(context, output)),
    setOverdue: assign(({ context }, output: CheckJobOutput) => overdue(context, output)),
    setPrice: assign(({ context }, output: StopJobsOutput) => priced(context, output)),
    setError: assign((_, params: { error: unknown }) => ({
      error: params.error as ErrorRecord,
      wake_at: null,
    })),
    markFailed: assign(({ context }) => markedFailed(context)),
  },
  guards: {
    isFound,
    isMine,
    isDue,
    isHeldOtherwise,
    wasRefused,
    isPostponed,
    isWaiting,
    isOutOfDate,
    hasSucceeded,
    isOverdue,
    mayRetry,
  },
});
