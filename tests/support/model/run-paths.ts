import { transition, type AnyMachineSnapshot, type EventObject } from "xstate";
import { jobId, pairsOfPrompts } from "../../../machines/job-id.ts";
import type { JobKind, PairKind, PairName } from "../../../machines/pair-types.ts";
import type { JobRecord, RunContext } from "../../../machines/run-types.ts";
import { runView } from "../../../machines/run-view.ts";
import { runMachine } from "../../../machines/run.ts";
import { newRun, type RunConfig, type RunDocument } from "../../../services/runs/document.ts";
import { scriptedOutputs, scriptedPairs, scriptedPrompts } from "../scripted-effects.ts";
import { explore, type ExploredStep } from "./explore.ts";
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

/**
 * Paths through the run machine. Its inference jobs appear as what they tell the run: recorded,
 * succeeded, failed, broken.
 */

export const CONFIG = { max_iterations: 2, score_threshold: 7 } as const;
const KINDS = ["prediction", "control", "round"] as const;
const MODEL_RUN = "model";
const BROKEN = new TypeError("broken");
const JOB_ERROR = {
  code: "JOB_FAILED",
  message: "The steered job failed.",
  retryable: false,
} as const;

const done = (id: string, output: unknown): EventObject =>
  ({ type: `xstate.done.actor.${id}`, output, actorId: id }) as EventObject;
const failed = (id: string, error: unknown): EventObject =>
  ({ type: `xstate.error.actor.${id}`, error, actorId: id }) as EventObject;
const recorded = (job: JobRecord): EventObject => ({ type: "job.recorded", job }) as EventObject;

const contextOf = (state: AnyMachineSnapshot): RunContext => state.context as RunContext;
const stateOf = (state: AnyMachineSnapshot): string =>
  typeof state.value === "string" ? state.value : (Object.keys(state.value as object)[0] ?? "");
const lastJob = ({ jobs, iteration }: RunContext, kind: JobKind): JobRecord | undefined =>
  jobs.findLast((job) => job.iteration === iteration && job.kind === kind);
const isLive = (job: JobRecord | undefined): boolean =>
  job?.state === "submitted" || job?.state === "submitting";
const hasFailed = ({ mails }: RunContext): boolean => mails.length > 0;

/** A job of before the failure and RETRY counts as none. */
const presentJob = (context: RunContext, kind: JobKind): JobRecord | undefined => {
  const job = lastJob(context, kind);
  return job !== undefined && hasFailed(context) && job.attempt === 1 && !isLive(job)
    ? undefined
    : job;
};
const nextJob = (context: RunContext, kind: JobKind): JobRecord => {
  const attempt = (lastJob(context, kind)?.attempt ?? 0) + 1;
  return {
    job_id: jobId(MODEL_RUN, context.iteration, kind, attempt),
    iteration: context.iteration,
    kind,
    attempt,
    state: "submitted",
    offer: null,
    run_seconds: null,
    cost_usd: 0,
    failure: null,
    problem: null,
  };
};

const cancel: EventObject = { type: "cancel.requested" };
const understood = (strategy: string): EventObject =>
  done("analyze", {
    structured_query: {},
    control_cells_available: strategy === "synthetic_control",
    control_strategy_effective: strategy,
  });
const scored = ({ iteration, round }: RunContext, score: number): EventObject =>
  done("evaluate", {
    summary: { iteration, score },
    evaluation: {},
    ...(round === null ? {} : scriptedPairs(round)),
  });

/** Errors once a run: after RETRY it goes on to its end. */
const stepEvents = (context: RunContext, id: string, ...ends: EventObject[]): EventObject[] => [
  ...ends,
  ...(hasFailed(context) ? [] : [failed(id, STEP_ERROR)]),
  cancel,
];

const pairsOfRound = ({ round }: RunContext): readonly PairName[] | undefined =>
  round?.prompts === undefined ? undefined : pairsOfPrompts(round.prompts);

function jobEvents(context: RunContext, kind: JobKind): EventObject[] {
  const id = `${kind}Job`;
  const job = presentJob(context, kind);
  if (job === undefined) {
    const next = nextJob(context, kind);
    return [
      recorded(next),
      ...(hasFailed(context) ? [] : [done(id, { job: next, outputs: null, error: STEP_ERROR })]),
    ];
  }
  if (job.state === "failed") return [done(id, { job, outputs: null, error: JOB_ERROR })];
  const succeeded = done(id, {
    job: { ...job, state: "succeeded" },
    outputs: scriptedOutputs(job, pairsOfRound(context)),
    found: {},
    error: null,
  });
  const ends = [
    succeeded,
    ...(hasFailed(context) ? [] : [recorded({ ...job, state: "failed" }), failed(id, BROKEN)]),
  ];
  return [
    ...ends,
    { type: "job.changed", job_id: job.job_id, state: "RUNNING" } as EventObject,
    { type: "clock.ticked", now: 0 } as EventObject,
  ];
}

function inferringEvents(state: AnyMachineSnapshot): EventObject[] {
  const context = contextOf(state);
  const { inferring } = state.value as {
    inferring: "together" | { separate: Readonly<Record<PairKind, string>> };
  };
  const predicting: readonly JobKind[] =
    inferring === "together"
      ? ["round"]
      : (["prediction", "control"] as const).filter(
          (kind) => inferring.separate[kind] === "predicting",
        );
  const ending = predicting.find((kind) => presentJob(context, kind)?.state === "failed");
  return ending === undefined
    ? [...predicting.flatMap((kind) => jobEvents(context, kind)), cancel]
    : jobEvents(context, ending);
}

function stoppingEvents(state: AnyMachineSnapshot): EventObject[] {
  const live = contextOf(state).jobs.find(isLive);
  const stopped = done("stopJobs", { run_seconds: {} });
  if (live === undefined) return [stopped];
  const others = [
    { type: "job.changed", job_id: live.job_id, state: "CANCELLED" } as EventObject,
    { type: "clock.ticked", now: 0 } as EventObject,
    failed("stopJobs", BROKEN),
  ];
  return [stopped, ...others, ...(stateOf(state) === "failing" ? [cancel] : [])];
}

function events(state: AnyMachineSnapshot): EventObject[] {
  const context = contextOf(state);
  switch (stateOf(state)) {
    case "queued":
      return [{ type: "run.admitted" }, cancel];
    case "analyzing":
      return stepEvents(
        context,
        "analyze",
        understood("synthetic_control"),
        understood("query_as_control"),
      );
    case "prompting":
      return stepEvents(
        context,
        "prompt",
        done("prompt", {
          plan: { path: "plan", sha256: "0" },
          candidate_id: "c",
          prompt_strategy: "direct",
          prompt_rationale: "",
          prompt_cells: 1,
          query_cells: 1,
          ...scriptedPrompts(
            context.iteration,
            context.config,
            context.control_strategy_effective ?? "synthetic_control",
          ),
        }),
      );
    case "inferring":
      return inferringEvents(state);
    case "evaluating":
      return stepEvents(
        context,
        "evaluate",
        scored(context, 8),
        ...(context.iteration === 1 ? [scored(context, 3)] : []),
      );
    case "outputting":
      return stepEvents(
        context,
        "output",
        done("output", { anndata: "predictions.h5ad", report: "report.html", log: "log.json" }),
      );
    case "failing":
    case "cancelling":
      return stoppingEvents(state);
    case "failed":
      return context.mails.length > 1 ? [cancel] : [{ type: "retry.requested" }, cancel];
    default:
      return [];
  }
}

const serializeState = (state: AnyMachineSnapshot): string => {
  const {
    control_strategy_effective,
    iteration,
    iterations,
    mails,
    error,
    resume_phase,
    round,
    jobs,
  } = contextOf(state);
  const known = jobs
    .filter((job) => job.iteration === iteration)
    .map(({ job_id, state: jobState }) => `${job_id} ${jobState}`)
    .toSorted();
  return JSON.stringify([
    state.value,
    control_strategy_effective,
    iterations.length,
    mails.length,
    error?.phase ?? null,
    resume_phase ?? null,
    round?.predictions != null,
    round?.control_predictions != null,
    known,
  ]);
};

const kindOfJob = (event: EventObject): JobKind =>
  (event as EventObject & { job: JobRecord }).job.kind;
const forwarded = (context: RunContext): Act[] =>
  KINDS.filter((kind) => isLive(presentJob(context, kind))).map((kind) =>
    answer(`checkJob:${kind}`, { kind: "verdict", verdict: "waiting" }),
  );
const kindNamed = (id: string): JobKind =>
  KINDS.find((kind) => id === `${kind}Job`) ?? "prediction";

/** What the world does so that the run machine takes this step. */
function actsOf({ event, before }: ExploredStep): Act[] {
  const context = contextOf(before);
  const [, , phase, id = ""] = event.type.split(".") as [string, string, string?, string?];
  const given = event as EventObject & {
    output?: {
      outputs?: unknown;
      control_strategy_effective?: "synthetic_control" | "query_as_control";
      summary?: { score: number };
    };
    job_id?: string;
    job?: JobRecord;
  };
  switch (event.type) {
    case "run.admitted":
      return [admit];
    case "cancel.requested":
    case "retry.requested":
      return [send({ type: event.type })];
    case "job.recorded": {
      const kind = kindOfJob(event);
      if (given.job?.state === "submitted")
        return [answer(`prepareJob:${kind}`), answer(`submitJob:${kind}`)];
      return [
        send({ type: "job.changed", job_id: given.job?.job_id ?? "", state: "FAILED" }),
        answer(`checkJob:${kind}`, { kind: "failed", retryable: false }),
      ];
    }
    case "job.changed": {
      const changed = send({ type: "job.changed", job_id: given.job_id ?? "", state: "RUNNING" });
      const kind =
        KINDS.find((one) => lastJob(context, one)?.job_id === given.job_id) ?? "prediction";
      return stateOf(before) === "inferring"
        ? [changed, answer(`checkJob:${kind}`, { kind: "verdict", verdict: "waiting" })]
        : [changed];
    }
    case "clock.ticked":
      return stateOf(before) === "inferring"
        ? [tick, ...forwarded(context)]
        : [answer("cancelJobs", { kind: "jobs remain" }), tick];
    default:
  }
  const isError = event.type.startsWith("xstate.error");
  const isSuccess = phase !== undefined && !isError;
  switch (id) {
    case "predictionJob":
    case "controlJob":
    case "roundJob": {
      const kind = kindNamed(id);
      const job = presentJob(context, kind);
      if (job === undefined)
        return [answer(`prepareJob:${kind}`, { kind: "error", error: STEP_ERROR })];
      const changed = send({ type: "job.changed", job_id: job.job_id, state: "RUNNING" });
      if (isError) return [changed, answer(`checkJob:${kind}`, { kind: "malformed" })];
      return given.output?.outputs == null
        ? []
        : [changed, answer(`checkJob:${kind}`, { kind: "verdict", verdict: "succeeded" })];
    }
    case "stopJobs":
      if (!context.jobs.some(isLive)) return [];
      return [answer("cancelJobs", isError ? { kind: "malformed" } : { kind: "ok" })];
    case "analyze":
      return [
        answer(
          id,
          isSuccess
            ? {
                kind: "understood",
                strategy: given.output?.control_strategy_effective ?? "synthetic_control",
              }
            : { kind: "error", error: STEP_ERROR },
        ),
      ];
    case "evaluate":
      return [
        answer(
          id,
          isSuccess
            ? { kind: "score", score: given.output?.summary?.score ?? 1 }
            : { kind: "error", error: STEP_ERROR },
        ),
      ];
    case "prompt":
    case "output":
      return [answer(id, isSuccess ? { kind: "ok" } : { kind: "error", error: STEP_ERROR })];
    default:
      throw new Error(`The model has no act for ${event.type}.`);
  }
}

function shownBy(state: AnyMachineSnapshot): Partial<RunDocument> {
  const {
    status,
    current_phase,
    current_iteration,
    control_strategy_effective,
    grounding_scores,
    termination_reason,
    final_score,
  } = runView(state.value as string, contextOf(state));
  return {
    status,
    current_phase,
    current_iteration,
    control_strategy_effective,
    grounding_scores,
    termination_reason,
    final_score,
  };
}

/** A job's end and what the run makes of it are one moment: no step of its own. */
function joined(steps: readonly ExploredStep[]): ModelStep[] {
  const result: ModelStep[] = [];
  for (const step of steps) {
    const acts = actsOf(step);
    const reached = {
      expected: { child: [], value: step.after.value as string },
      view: shownBy(step.after),
    };
    const previous = result.at(-1);
    if (acts.length === 0 && previous !== undefined)
      result[result.length - 1] = { acts: previous.acts, ...reached };
    else result.push({ acts, ...reached });
  }
  return result;
}

/**
 * A path may not end between a job's end and what the run makes of it, nor in a state that real
 * jobs leave at once.
 */
function completed(steps: readonly ExploredStep[]): ExploredStep[] {
  const all = [...steps];
  for (let last = all.at(-1)?.after; last !== undefined; last = all.at(-1)?.after) {
    const [next, ...others] = events(last);
    const before = last;
    if (
      next === undefined ||
      others.length > 0 ||
      !/^xstate\.done\.actor\.(predictionJob|controlJob|roundJob|stopJobs)$/.test(next.type)
    )
      return all;
    all.push({ event: next, before, after: after(before, next) });
  }
  return all;
}

const after = (state: AnyMachineSnapshot, event: EventObject): AnyMachineSnapshot => {
  const [next] = transition(runMachine, state as never, event as never);
  return next;
};

/**
 * With one job for a round; beside that, what only a job for each pair brings about, and rounds of
 * two prompts (four pairs) that reach their end.
 */
export function runPaths(): ModelPath[] {
  const together = pathsOf({});
  const taken = new Set(together.flatMap(({ rows }) => [...rows]));
  const separate = pathsOf({ control_job: "separate" });
  const several = pathsOf({ prompts_per_round: 2 }).filter(
    ({ steps }) => steps.at(-1)?.view?.status === "completed",
  );
  return [
    ...together,
    ...separate.filter(({ rows }) => [...rows].some((row) => !taken.has(row))),
    ...several,
  ];
}

function pathsOf(config: Partial<RunConfig>): ModelPath[] {
  const document = newRun({
    run_id: MODEL_RUN,
    query: "",
    user_email: null,
    config: { ...CONFIG, ...config },
    random_seed: 1,
    now: 0,
  });
  const input = { run_id: MODEL_RUN, query: "", config: document.config, random_seed: 1 };
  const kindOf = ({ event, before, after: next }: ExploredStep): string =>
    JSON.stringify([
      before.value,
      event.type,
      next.value,
      event.type === "job.recorded" ? (event as EventObject & { job: JobRecord }).job.state : null,
    ]);
  const paths = explore(runMachine, { input, events, serializeState, kindOf });
  return paths.map(({ steps, rows, states }) => ({
    name: `run: ${steps.map(({ event }) => event.type.replace("xstate.", "")).join(", ")}`,
    config,
    steps: joined(completed(steps)),
    rows,
    states,
  }));
}
