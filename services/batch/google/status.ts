import type { protos } from "@google-cloud/batch";
import { phrase } from "../../../system-words.ts";
import { holdOf, isOfMachines, newestWords } from "./hold.ts";
import type { GoogleJob } from "./job.ts";
import {
  type JobFailureKind,
  type JobHoldKind,
  type JobState,
  type JobStatus,
  TERMINAL_JOB_STATES,
} from "../index.ts";
import { type WorkerExit, WORKER_EXIT_CODES, workerExit } from "../worker-contract.ts";
import { given } from "../../../given.ts";

export type GoogleTask = protos.google.cloud.batch.v1.ITask;
type GoogleEvent = protos.google.cloud.batch.v1.IStatusEvent;

const STATES: Readonly<Record<string, JobState>> = {
  QUEUED: "QUEUED",
  SCHEDULED: "SCHEDULED",
  RUNNING: "RUNNING",
  SUCCEEDED: "SUCCEEDED",
  FAILED: "FAILED",
  CANCELLATION_IN_PROGRESS: "CANCELLATION_IN_PROGRESS",
  CANCELLED: "CANCELLED",
  // A deletion stops the job first; then it is unknown.
  DELETION_IN_PROGRESS: "CANCELLATION_IN_PROGRESS",
};

const WAITING: ReadonlySet<JobState> = new Set(["QUEUED", "SCHEDULED"]);

/** Google Batch's reserved exit codes; any other is the program's own. */
const RESERVED: Readonly<Record<number, { readonly kind: JobFailureKind; readonly text: string }>> =
  {
    50000: { kind: "application", text: "Google Batch failed the task without giving a cause" },
    50001: { kind: "preempted", text: "Google reclaimed the Spot machine" },
    50002: { kind: "transient", text: "The machine stopped reporting to Google Batch" },
    50003: { kind: "transient", text: "The machine was restarted while the job ran" },
    50004: { kind: "transient", text: "The task no longer answered Google Batch" },
    50005: { kind: "over_time", text: "The job ran longer than its limit" },
    50006: { kind: "transient", text: "The machine was replaced while the job ran" },
  };

/** What the worker's own account leaves out, and what the machinery around it says. */
const REMEDIES: Readonly<Record<number, string>> = {
  [WORKER_EXIT_CODES.MODEL_UNUSABLE]: ": correct BATCH_ENVIRONMENT, the image or the driver",
};
const CONTAINER_EXITS: Readonly<Record<number, WorkerExit>> = {
  125: {
    text: "The container could not be started: check that BATCH_IMAGE exists and that the jobs' service account may read it",
    repeats: "once",
  },
  126: {
    text: "The program that BATCH_ENTRYPOINT names may not be executed in the container: correct it, or the image",
    repeats: "once",
  },
  127: {
    text: "The program that BATCH_ENTRYPOINT names is not in the image: correct it, or the image",
    repeats: "once",
  },
  137: {
    text: "The worker was killed, most likely because the machine ran out of memory",
    repeats: "once",
  },
};

const millis = (
  time: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined,
): number | undefined =>
  time === null || time === undefined
    ? undefined
    : Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6;

const at = (event: GoogleEvent): number => millis(event.eventTime) ?? 0;
const toState = (event: GoogleEvent): string | undefined =>
  /\bto (\w+)/.exec(event.description ?? "")?.[1];
const inOrder = (events: readonly GoogleEvent[]): GoogleEvent[] =>
  events.toSorted((one, other) => at(one) - at(other));

const exitCode = (event: GoogleEvent): number | undefined => {
  const code =
    event.taskExecution?.exitCode ??
    Number(/exit code (\d+)/.exec(event.description ?? "")?.[1] ?? 0);
  return code === 0 ? undefined : code;
};

/** Batch's own account of a failure without exit code. */
const lastWords = (events: readonly GoogleEvent[]): string =>
  newestWords(events) ?? events.findLast(({ description }) => description)?.description ?? "";

/** What nothing but a change of the configuration can mend. */
const NEVER_PASSES: ReadonlySet<JobHoldKind> = new Set(["permission", "invalid"]);

function failureOf(
  job: GoogleJob,
  events: readonly GoogleEvent[],
  started: boolean,
): NonNullable<JobStatus["failure"]> {
  const code = events.map(exitCode).findLast((found) => found !== undefined);
  if (code === undefined && !started) {
    const words = lastWords(events);
    const passes = !NEVER_PASSES.has(holdOf(words).kind);
    return {
      kind: passes ? "transient" : "application",
      reason: `The job failed before its task started: ${phrase(words)}.`,
      exit_code: null,
      ...(passes ? {} : { repeats: "never" }),
    };
  }
  if (code === undefined)
    return {
      kind: "application",
      reason: `The job failed, and Google Batch reports no exit code: ${phrase(lastWords(events))}.`,
      exit_code: null,
    };
  const reserved = RESERVED[code];
  if (reserved !== undefined)
    return {
      kind: reserved.kind,
      reason: `${reserved.text} (exit code ${code}).`,
      exit_code: code,
    };
  const { text, repeats } = workerExit(code) ??
    CONTAINER_EXITS[code] ?? { text: "The worker ended" };
  return {
    kind: "application",
    reason: `${text}${REMEDIES[code] ?? ""} (exit code ${code}); Cloud Logging has its log under labels.job_uid="${job.uid ?? ""}".`,
    exit_code: code,
    ...given({ repeats }),
  };
}

/**
 * Seconds for which a machine was there: from SCHEDULED, as Google bills from its start
 * (https://github.com/broadinstitute/cromwell, BatchRequestExecutor), but not before Batch last said
 * that there was none: then a job that never began had none.
 */
function machineSeconds(job: GoogleJob, events: readonly GoogleEvent[]): number | undefined {
  const end = events.findLast((event) => TERMINAL_JOB_STATES.has(toState(event) as JobState));
  const ran = events.find((event) => toState(event) === "RUNNING");
  const scheduled = events.find((event) => toState(event) === "SCHEDULED");
  const begin = scheduled ?? ran;
  if (begin !== undefined && end !== undefined) {
    const until = at(ran ?? end);
    const none = events.findLast((event) => isOfMachines(event) && at(event) <= until);
    if (ran === undefined && none !== undefined) return 0;
    const start = scheduled === undefined ? at(begin) : Math.max(at(begin), none ? at(none) : 0);
    return Math.max(0, at(end) - start) / 1000;
  }
  const counted = millis(job.status?.runDuration);
  return counted === undefined || counted === 0 ? undefined : counted / 1000;
}

/** When the program began, again if Batch ran the job again; milliseconds. */
const begunAt = (events: readonly GoogleEvent[]): number | undefined => {
  const began = events.findLast((event) => toState(event) === "RUNNING");
  return began === undefined ? undefined : at(began);
};

/**
 * Of a job that never began. One that was cancelled so, and not by us, was given up by Batch for want
 * of a machine: it tells no other reason.
 */
function lacksMachine(state: JobState, words: string | undefined): boolean {
  if (state === "CANCELLED") return true;
  const kind = words === undefined ? undefined : holdOf(words).kind;
  return state === "FAILED" && (kind === "capacity" || kind === "quota");
}

/**
 * A job in the port's words. `tasks` are asked for only of a FAILED job: in any other state exit
 * codes tell nothing, as a preemption that Batch overcame stays in the events of a job that
 * SUCCEEDED.
 */
export function jobStatus(jobId: string, job: GoogleJob, tasks: readonly GoogleTask[]): JobStatus {
  const state = STATES[String(job.status?.state)] ?? "QUEUED";
  const ofJob = inOrder(job.status?.statusEvents ?? []);
  if (!TERMINAL_JOB_STATES.has(state)) {
    const words = WAITING.has(state) ? newestWords(ofJob) : undefined;
    return {
      job_id: jobId,
      state,
      ...given({
        held: words === undefined ? undefined : holdOf(words),
        started_at: state === "RUNNING" ? begunAt(ofJob) : undefined,
      }),
    };
  }
  const all = inOrder([...ofJob, ...tasks.flatMap((task) => task.status?.statusEvents ?? [])]);
  const seconds = machineSeconds(job, ofJob);
  const started =
    (millis(job.status?.runDuration) ?? 0) > 0 || all.some((event) => toState(event) === "RUNNING");
  return {
    job_id: jobId,
    state,
    ...(state === "FAILED" ? { failure: failureOf(job, all, started) } : {}),
    ...given({
      run_seconds: seconds,
      shortage: !started && lacksMachine(state, newestWords(all)) ? (true as const) : undefined,
    }),
  };
}
