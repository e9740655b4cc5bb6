import type { AnyMachineSnapshot, EventObject } from "xstate";
import type { InferenceJobInput } from "../../../machines/inference-job-types.ts";
import { inferenceJobMachine } from "../../../machines/inference-job.ts";
import { jobId } from "../../../machines/job-id.ts";
import type { FoundPairs } from "../../../machines/pair-types.ts";
import type { JobRecord } from "../../../machines/run-types.ts";
import { stopJobsMachine } from "../../../machines/stop-jobs.ts";
import { scriptedFound } from "../scripted-effects.ts";
import { takenAtStart } from "./coverage.ts";
import { HOLD } from "./steered-effects.ts";
import { explore, type ExploredPath, type ExploredStep } from "./explore.ts";
import {
  admit,
  answer,
  send,
  STEP_ERROR,
  tick,
  type Act,
  type ModelPath,
  type ModelStep,
} from "./model-path.ts";

/** Paths through the child machines, each inside a run that is brought to where it lives. */

const MODEL_RUN = "model";
const JOB = jobId(MODEL_RUN, 1, "prediction", 1);
const BROKEN = new TypeError("broken");
const REFUSED = {
  code: "JOB_NOT_OURS",
  message: "The steered job is another run's.",
  retryable: false,
} as const;
const JOB_FAILURE = {
  code: "JOB_FAILED",
  message: "The steered job failed.",
  retryable: true,
} as const;

const done = (id: string, output?: unknown): EventObject =>
  ({ type: `xstate.done.actor.${id}`, output }) as EventObject;
const failed = (id: string, error: unknown): EventObject =>
  ({ type: `xstate.error.actor.${id}`, error }) as EventObject;
const changed = (job_id: string): EventObject =>
  ({ type: "job.changed", job_id, state: "RUNNING" }) as EventObject;
const ticked: EventObject = { type: "clock.ticked", now: Number.MAX_SAFE_INTEGER } as EventObject;

const toInferring: readonly Act[] = [
  admit,
  answer("analyze", { kind: "understood", strategy: "query_as_control" }),
  answer("prompt"),
];
const toSubmitted: readonly Act[] = [
  ...toInferring,
  answer("prepareJob:prediction"),
  answer("submitJob:prediction"),
];

const verdict = (output: object): EventObject => done("checkJob", output);
const failure = (kind: string, retryable: boolean): EventObject =>
  verdict({
    verdict: "failed",
    kind,
    error: { ...JOB_FAILURE, retryable },
    retry_at: 0,
    run_seconds: 1,
  });

function inferenceJobEvents(state: AnyMachineSnapshot): EventObject[] {
  const { job } = state.context as { job: JobRecord };
  switch (state.value) {
    case "preparing":
      return [
        done("prepareJob", { found: {}, notes: {} }),
        done("prepareJob", { found: scriptedFound("prediction"), notes: {} }),
        failed("prepareJob", STEP_ERROR),
      ];
    case "submitting":
      return [
        done("submitJob", { offer: null, now: 0, deadline_at: 9, check_at: 1 }),
        done("submitJob", { problem: "no quota", troubled_since: 0, try_at: 1 }),
        failed("submitJob", REFUSED),
        failed("submitJob", STEP_ERROR),
      ];
    case "awaiting":
      return [changed(job.job_id), ticked];
    case "checking":
      return [
        changed(job.job_id),
        verdict({ verdict: "waiting", now: 0, check_at: 1 }),
        verdict({ verdict: "waiting", now: 0, check_at: 1, held: HOLD }),
        verdict({
          verdict: "succeeded",
          outputs: { prediction: { path: "p", sha256: "0" } },
          run_seconds: 1,
        }),
        verdict({ verdict: "overdue", error: JOB_FAILURE }),
        failure("application", true),
        failure("application", false),
        failed("checkJob", STEP_ERROR),
      ];
    case "postponed":
    case "retrying":
      return [ticked];
    case "expiring":
      return [
        changed(job.job_id),
        ticked,
        done("stopJobs", { run_seconds: {} }),
        failed("stopJobs", BROKEN),
      ];
    default:
      return [];
  }
}

const isError = ({ event }: ExploredStep): boolean => event.type.startsWith("xstate.error");

function inferenceJobActs(step: ExploredStep): Act[] {
  const given = step.event as EventObject & {
    job_id?: string;
    error?: { code?: string };
    output?: {
      verdict?: string;
      error?: { retryable: boolean };
      try_at?: number;
      held?: typeof HOLD;
      found?: FoundPairs;
    };
  };
  const at = String(step.before.value);
  if (given.type === "job.changed")
    return [send({ type: "job.changed", job_id: given.job_id ?? "", state: "RUNNING" })];
  if (given.type === "clock.ticked")
    return at === "expiring" ? [answer("cancelJobs", { kind: "jobs remain" }), tick] : [tick];
  if (at === "expiring")
    return [answer("cancelJobs", isError(step) ? { kind: "malformed" } : { kind: "ok" })];
  const effect =
    at === "preparing"
      ? "prepareJob:prediction"
      : at === "submitting"
        ? "submitJob:prediction"
        : "checkJob:prediction";
  if (isError(step))
    return [
      answer(effect, {
        kind: "error",
        error: given.error?.code === REFUSED.code ? REFUSED : STEP_ERROR,
      }),
    ];
  if (given.output?.found?.prediction !== undefined) return [answer(effect, { kind: "found" })];
  if (given.output?.try_at !== undefined) return [answer(effect, { kind: "postponed" })];
  if (given.output?.held !== undefined) return [answer(effect, { kind: "held" })];
  const how = given.output?.verdict;
  if (how === "failed")
    return [answer(effect, { kind: "failed", retryable: given.output?.error?.retryable ?? false })];
  return [
    answer(
      effect,
      how === "waiting" || how === "succeeded" || how === "overdue"
        ? { kind: "verdict", verdict: how }
        : { kind: "ok" },
    ),
  ];
}

function stopJobsEvents(state: AnyMachineSnapshot): EventObject[] {
  switch (state.value) {
    case "cancelling":
      return [
        done("cancelJobs", { remaining: [], asked_at: 0, check_at: 1, run_seconds: {} }),
        done("cancelJobs", { remaining: [JOB], asked_at: 0, check_at: 1, run_seconds: {} }),
        failed("cancelJobs", STEP_ERROR),
      ];
    case "waiting":
      return [changed(JOB), ticked];
    default:
      return [];
  }
}

function stopJobsActs(step: ExploredStep): Act[] {
  const given = step.event as EventObject & {
    job_id?: string;
    output?: { remaining: readonly string[] };
  };
  if (given.type === "job.changed")
    return [send({ type: "job.changed", job_id: given.job_id ?? "", state: "RUNNING" })];
  if (given.type === "clock.ticked") return [tick];
  if (isError(step)) return [answer("cancelJobs", { kind: "error", error: STEP_ERROR })];
  return [
    answer(
      "cancelJobs",
      given.output?.remaining.length === 0 ? { kind: "ok" } : { kind: "jobs remain" },
    ),
  ];
}

const kindOf = ({ event, before, after }: ExploredStep): string => {
  const { output, error } = event as EventObject & { output?: unknown; error?: { code?: string } };
  return JSON.stringify([before.value, event.type, after.value, output, error?.code]);
};

function inRun(
  machine: string,
  child: string,
  prelude: readonly Act[],
  beginsAt: string,
  { steps, rows, states }: ExploredPath,
  actsOf: (step: ExploredStep) => Act[],
): ModelPath {
  const at = (value: string): ModelStep["expected"] => ({ child: [child], value });
  return {
    name: `${machine}: ${steps.map(({ event }) => event.type.replace("xstate.", "")).join(", ")}`,
    steps: [
      { acts: prelude, expected: at(beginsAt), view: null },
      ...steps.map((step) => ({
        acts: actsOf(step),
        expected: at(step.after.value as string),
        view: null,
      })),
    ],
    rows,
    states,
  };
}

export function inferenceJobPaths(): ModelPath[] {
  const input: InferenceJobInput = {
    run_id: MODEL_RUN,
    iteration: 1,
    kind: "prediction",
    plan: { path: "plan", sha256: "0" },
    random_seed: 1,
    first_attempt: 1,
    limits: { application: 2, preempted: 2, transient: 2 },
    max_gpu_cost_usd: null,
    deadline_seconds: 3_600,
  };
  const serializeState = ({ value, context }: AnyMachineSnapshot): string => {
    const { job, changed: hasChanged } = context as { job: JobRecord; changed: boolean };
    return JSON.stringify([value, job.attempt, hasChanged]);
  };
  /** Outside a run there is nobody to tell. */
  const alone = inferenceJobMachine.provide({ actions: { reportToRun: () => undefined } });
  const paths = explore(alone, { input, events: inferenceJobEvents, serializeState, kindOf });
  return paths.map((path) =>
    inRun("inferenceJob", "predictionJob", toInferring, "preparing", path, inferenceJobActs),
  );
}

export function stopJobsPaths(): ModelPath[] {
  const serializeState = (state: AnyMachineSnapshot): string =>
    JSON.stringify([state.value, (state.context as { job_ids: readonly string[] }).job_ids]);
  const options = { events: stopJobsEvents, serializeState, kindOf };
  const withJob = explore(stopJobsMachine, { ...options, input: { job_ids: [JOB] } });
  const nothingToStop: ModelPath = {
    name: "stopJobs: nothing to stop",
    steps: [
      {
        acts: [admit, answer("analyze", { kind: "error", error: STEP_ERROR })],
        expected: { child: [], value: "failed" },
        view: { status: "failed" },
      },
    ],
    rows: new Set(takenAtStart(stopJobsMachine, { job_ids: [] }).rows),
    states: new Set(["stopJobs | stopped"]),
  };
  return [
    nothingToStop,
    ...withJob.map((path) =>
      inRun(
        "stopJobs",
        "stopJobs",
        [...toSubmitted, send({ type: "cancel.requested" })],
        "cancelling",
        path,
        stopJobsActs,
      ),
    ),
  ];
}
