import { assign, sendParent, sendTo, setup } from "xstate";
import type { ErrorRecord } from "../errors.ts";
import { jobId } from "./job-id.ts";
import type {
  CheckJobInput,
  CheckJobOutput,
  CheckTrouble,
  JobFailureKind,
  JobFailureLimits,
  JobKind,
  JobRecord,
  ObjectReference,
  PrepareJobInput,
  RunEvent,
  StepFailure,
  SubmitJobInput,
  SubmitJobOutput,
} from "./run-types.ts";
import { stopJobsMachine, type StopJobsOutput } from "./stop-jobs.ts";
import { unbound } from "./unbound.ts";

export interface InferenceJobInput {
  readonly run_id: string;
  readonly iteration: number;
  readonly kind: JobKind;
  readonly plan: ObjectReference;
  readonly random_seed: number;
  readonly first_attempt: number;
  readonly limits: JobFailureLimits;
  readonly deadline_seconds: number;
  readonly max_gpu_cost_usd: number | null;
}

interface InferenceJobContext extends InferenceJobInput {
  readonly job: JobRecord;
  readonly failures: JobFailureLimits;
  readonly submitted_at: number;
  readonly deadline_at: number;
  /**
   * When to go on: the reconcile time while awaiting, the retry time while retrying, the time of
   * the next try while postponed.
   */
  readonly wake_at: number | null;
  /** Since when Batch could not take the job; absent in older snapshots. */
  readonly troubled_since?: number | null;
  /** What kept the newest check from an answer; absent in older snapshots. */
  readonly trouble?: CheckTrouble | null;
  /** News of the job came while it was being looked at. */
  readonly changed: boolean;
  readonly predictions: ObjectReference | null;
  readonly error: ErrorRecord | null;
}

export interface InferenceJobOutput {
  readonly job: JobRecord;
  readonly predictions: ObjectReference | null;
  readonly error: ErrorRecord | null;
}

const REFUSALS: ReadonlySet<ErrorRecord["code"]> = new Set(["JOB_NOT_OURS", "GPU_BUDGET_SPENT"]);

const nameAttempt = (input: InferenceJobInput, attempt: number): JobRecord => ({
  job_id: jobId(input.run_id, input.iteration, input.kind, attempt),
  iteration: input.iteration,
  kind: input.kind,
  attempt,
  state: "submitting",
  run_seconds: null,
  offer: null,
  cost_usd: 0,
  failure: null,
  problem: null,
});

/** An attempt is paid for by the second, also when it was lost to preemption or stopped. */
export const paidFor = (
  { offer }: JobRecord,
  runSeconds: number | null,
): Pick<JobRecord, "run_seconds" | "cost_usd"> => ({
  run_seconds: runSeconds,
  cost_usd: ((runSeconds ?? 0) / 3_600) * (offer?.usd_per_hour ?? 0),
});

const endJob = (
  job: JobRecord,
  runSeconds: number | null,
  failed: { readonly kind: JobFailureKind; readonly error: ErrorRecord | null } | null,
): JobRecord => ({
  ...job,
  state: failed === null ? "succeeded" : "failed",
  ...paidFor(job, runSeconds),
  failure: failed?.kind ?? null,
  problem: failed?.error?.message ?? null,
});

/**
 * One inference job of one iteration, with its attempts. `job.changed` is a hint; Batch is the
 * truth (D8).
 */
export const inferenceJobMachine = setup({
  types: {
    input: {} as InferenceJobInput,
    context: {} as InferenceJobContext,
    events: {} as Extract<RunEvent, { type: "job.changed" | "clock.ticked" }>,
    output: {} as InferenceJobOutput,
  },
  actors: {
    prepareJob: unbound<void, PrepareJobInput>("prepareJob"),
    submitJob: unbound<SubmitJobOutput, SubmitJobInput>("submitJob"),
    checkJob: unbound<CheckJobOutput, CheckJobInput>("checkJob"),
    stopJobs: stopJobsMachine,
  },
  actions: {
    tellRun: sendParent(({ context }: { context: InferenceJobContext }) => ({
      type: "job.recorded",
      job: context.job,
    })),
    forwardToStopJobs: sendTo("stopJobs", ({ event }) => event),
    nameNextAttempt: assign(({ context }) => ({
      job: nameAttempt(context, context.job.attempt + 1),
      wake_at: null,
      troubled_since: null,
      trouble: null,
    })),
    setTimes: assign(({ context }, output: SubmitJobOutput) =>
      "try_at" in output
        ? {}
        : {
            job: {
              ...context.job,
              state: "submitted" as const,
              offer: output.offer,
              problem: null,
            },
            submitted_at: output.now,
            deadline_at: output.deadline_at,
            wake_at: output.check_at,
            troubled_since: null,
          },
    ),
    setNextTry: assign(({ context }, output: SubmitJobOutput) =>
      "try_at" in output
        ? {
            job: { ...context.job, problem: output.problem },
            wake_at: output.try_at,
            troubled_since: output.troubled_since,
          }
        : {},
    ),
    setNextCheck: assign((_, output: CheckJobOutput) =>
      output.verdict === "waiting"
        ? { wake_at: output.check_at, trouble: output.trouble ?? null }
        : {},
    ),
    checkAtNextTick: assign({ wake_at: 0 }),
    noteChange: assign({ changed: true }),
    forgetChange: assign({ changed: false }),
    setSuccess: assign(({ context }, output: CheckJobOutput) =>
      output.verdict === "succeeded"
        ? {
            job: endJob(context.job, output.run_seconds, null),
            predictions: output.predictions,
            wake_at: null,
          }
        : {},
    ),
    setFailure: assign(({ context }, output: CheckJobOutput) =>
      output.verdict === "failed"
        ? {
            job: endJob(context.job, output.run_seconds, output),
            failures:
              output.kind === "over_time"
                ? context.failures
                : { ...context.failures, [output.kind]: context.failures[output.kind] + 1 },
            error: output.error,
            wake_at: output.retry_at,
          }
        : {},
    ),
    setOverdue: assign(({ context }, output: CheckJobOutput) =>
      output.verdict === "overdue"
        ? {
            job: endJob(context.job, null, { kind: "over_time", error: output.error }),
            error: output.error,
            wake_at: null,
          }
        : {},
    ),
    setPrice: assign(({ context }, output: StopJobsOutput) => ({
      job: {
        ...context.job,
        ...paidFor(context.job, output.run_seconds[context.job.job_id] ?? null),
      },
    })),
    setError: assign((_, params: { error: unknown }) => ({
      error: params.error as ErrorRecord,
      wake_at: null,
    })),
    markFailed: assign(({ context }) => ({
      job: endJob(context.job, context.job.run_seconds, {
        kind: "application",
        error: context.error,
      }),
    })),
  },
  guards: {
    isMine: ({ context, event }) =>
      event.type === "job.changed" && event.job_id === context.job.job_id,
    isDue: ({ context, event }) =>
      event.type === "clock.ticked" && context.wake_at !== null && event.now >= context.wake_at,
    /**
     * Certainly not submitted. After any other failure the job may run: it stays on record as
     * submitting, and the run stops it.
     */
    wasRefused(_, { error }: { error: unknown }) {
      const { code, job_may_run } = error as StepFailure;
      return REFUSALS.has(code) && job_may_run !== true;
    },
    isPostponed: (_, output: SubmitJobOutput) => "try_at" in output,
    isWaiting: (_, output: CheckJobOutput) => output.verdict === "waiting",
    isOutOfDate: ({ context }, output: CheckJobOutput) =>
      output.verdict === "waiting" && context.changed,
    hasSucceeded: (_, output: CheckJobOutput) => output.verdict === "succeeded",
    isOverdue: (_, output: CheckJobOutput) => output.verdict === "overdue",
    mayRetry: ({ context }, output: CheckJobOutput) =>
      output.verdict === "failed" &&
      output.kind !== "over_time" &&
      output.error.retryable &&
      context.failures[output.kind] + 1 < context.limits[output.kind],
  },
}).createMachine({
  id: "inferenceJob",
  context: ({ input }) => ({
    ...input,
    job: nameAttempt(input, input.first_attempt),
    failures: { transient: 0, preempted: 0, application: 0 },
    submitted_at: 0,
    deadline_at: 0,
    wake_at: null,
    changed: false,
    predictions: null,
    error: null,
  }),
  initial: "preparing",
  states: {
    preparing: {
      invoke: {
        id: "prepareJob",
        src: "prepareJob",
        input: ({ context: { run_id, iteration, kind, plan } }) => ({
          run_id,
          iteration,
          kind,
          plan,
        }),
        onDone: "submitting",
        onError: {
          target: "failed",
          actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    submitting: {
      entry: "tellRun",
      invoke: {
        id: "submitJob",
        src: "submitJob",
        input: ({
          context: {
            job,
            run_id,
            random_seed,
            deadline_seconds,
            failures,
            max_gpu_cost_usd,
            troubled_since,
          },
        }) => ({
          job,
          run_id,
          random_seed,
          deadline_seconds,
          preemptions: failures.preempted,
          max_gpu_cost_usd,
          troubled_since: troubled_since ?? null,
        }),
        onDone: [
          {
            guard: { type: "isPostponed", params: ({ event }) => event.output },
            target: "postponed",
            actions: [{ type: "setNextTry", params: ({ event }) => event.output }, "tellRun"],
          },
          {
            target: "awaiting",
            actions: [{ type: "setTimes", params: ({ event }) => event.output }, "tellRun"],
          },
        ],
        onError: [
          {
            guard: { type: "wasRefused", params: ({ event }) => ({ error: event.error }) },
            target: "failed",
            actions: [
              { type: "setError", params: ({ event }) => ({ error: event.error }) },
              "markFailed",
              "tellRun",
            ],
          },
          {
            target: "failed",
            actions: { type: "setError", params: ({ event }) => ({ error: event.error }) },
          },
        ],
      },
    },
    postponed: {
      on: { "clock.ticked": { guard: "isDue", target: "submitting" } },
    },
    awaiting: {
      on: {
        "job.changed": { guard: "isMine", target: "checking" },
        "clock.ticked": { guard: "isDue", target: "checking" },
      },
    },
    checking: {
      entry: "forgetChange",
      on: { "job.changed": { guard: "isMine", actions: "noteChange" } },
      invoke: {
        id: "checkJob",
        src: "checkJob",
        input: ({ context: { job, failures, run_id, submitted_at, deadline_at, trouble } }) => ({
          job,
          failures,
          run_id,
          submitted_at,
          deadline_at,
          trouble: trouble ?? null,
        }),
        onDone: [
          {
            guard: { type: "isOutOfDate", params: ({ event }) => event.output },
            target: "checking",
            reenter: true,
          },
          {
            guard: { type: "isWaiting", params: ({ event }) => event.output },
            target: "awaiting",
            actions: { type: "setNextCheck", params: ({ event }) => event.output },
          },
          {
            guard: { type: "hasSucceeded", params: ({ event }) => event.output },
            target: "succeeded",
            actions: { type: "setSuccess", params: ({ event }) => event.output },
          },
          {
            guard: { type: "isOverdue", params: ({ event }) => event.output },
            target: "expiring",
            actions: { type: "setOverdue", params: ({ event }) => event.output },
          },
          {
            guard: { type: "mayRetry", params: ({ event }) => event.output },
            target: "retrying",
            actions: [{ type: "setFailure", params: ({ event }) => event.output }, "tellRun"],
          },
          {
            target: "failed",
            actions: [{ type: "setFailure", params: ({ event }) => event.output }, "tellRun"],
          },
        ],
        onError: { target: "awaiting", actions: "checkAtNextTick" },
      },
    },
    retrying: {
      on: { "clock.ticked": { guard: "isDue", target: "submitting", actions: "nameNextAttempt" } },
    },
    expiring: {
      invoke: {
        id: "stopJobs",
        src: "stopJobs",
        input: ({ context }) => ({ job_ids: [context.job.job_id] }),
        onDone: {
          target: "failed",
          actions: [{ type: "setPrice", params: ({ event }) => event.output }, "tellRun"],
        },
        onError: { target: "failed", actions: "tellRun" },
      },
      on: {
        "job.changed": { actions: "forwardToStopJobs" },
        "clock.ticked": { actions: "forwardToStopJobs" },
      },
    },
    succeeded: { type: "final" },
    failed: { type: "final" },
  },
  output: ({ context }) => ({
    job: context.job,
    predictions: context.predictions,
    error: context.predictions === null ? context.error : null,
  }),
});
