import type { StateValue, StateValueFrom } from "xstate";
import type { RunDocument, RunPhase, RunStatus } from "../services/runs/document.ts";
import type { RunContext } from "./run-types.ts";
import type { RunMachine } from "./run.ts";

type NameOf<Value> = Value extends string ? Value : keyof Value;

/** The wire vocabulary: which status a state shows, and whether the phase is shown. */
const STATUS_OF_STATE = {
  queued: "pending",
  analyzing: "running",
  prompting: "running",
  inferring: "running",
  evaluating: "running",
  outputting: "running",
  failing: "running",
  failed: "failed",
  cancelling: "cancelled",
  completed: "completed",
  cancelled: "cancelled",
} as const satisfies Record<NameOf<StateValueFrom<RunMachine>>, RunStatus>;

export type RunState = keyof typeof STATUS_OF_STATE;
export const RUN_STATES = Object.keys(STATUS_OF_STATE) as RunState[];

export function runState(value: StateValue): RunState {
  const name = typeof value === "string" ? value : Object.keys(value)[0];
  if (name === undefined || !(name in STATUS_OF_STATE))
    throw new Error(`The run machine has no state "${String(name)}".`);
  return name as RunState;
}

/**
 * `evaluating.scoring`, or `inferring.separate.prediction.ready|control.predicting` for regions side by
 * side.
 */
export const stateName = (value: StateValue): string =>
  typeof value === "string"
    ? value
    : Object.entries(value)
        .map(([key, inner]) => (inner === undefined ? key : `${key}.${stateName(inner)}`))
        .join("|");

/** True where nothing is to be done until an event arrives. */
export const isResting = (state: RunState): boolean =>
  state === "failed" || state === "completed" || state === "cancelled";

const phaseShown = (state: RunState, phase: RunPhase): RunPhase | null =>
  state === "completed" || state === "cancelled" ? null : phase;

/** Absent until a job of the run was held: a field that was once written stays in the store. */
const heldJobs = ({ jobs }: RunContext): Pick<RunDocument, "held_jobs"> =>
  jobs.every(({ held }) => held === undefined)
    ? {}
    : {
        held_jobs: jobs.flatMap(({ job_id, state, held }) =>
          state !== "submitted" || held == null
            ? []
            : [{ job_id, ...held, since: new Date(held.since).toISOString() }],
        ),
      };

/** What the public document says of a machine state. Times, money and identity are the host's. */
export function runView(
  value: StateValue,
  context: RunContext,
): Pick<
  RunDocument,
  | "status"
  | "current_phase"
  | "current_iteration"
  | "structured_query"
  | "control_strategy"
  | "control_strategy_effective"
  | "control_cells_available"
  | "atlases"
  | "held_jobs"
  | "grounding_scores"
  | "iterations"
  | "delivered_iteration"
  | "final_score"
  | "expected_accuracy"
  | "termination_reason"
  | "error"
  | "error_message"
  | "output_anndata_path"
  | "output_report_path"
  | "output_log_path"
> {
  const state = runState(value);
  const delivered = context.iterations.find(
    ({ summary }) => summary.iteration === context.delivered_iteration,
  );
  return {
    status: STATUS_OF_STATE[state],
    current_phase: phaseShown(state, context.phase),
    current_iteration: context.iteration,
    structured_query: context.structured_query,
    control_strategy: context.config.control_strategy,
    control_strategy_effective: context.control_strategy_effective,
    control_cells_available: context.control_cells_available,
    ...(context.atlases === undefined ? {} : { atlases: context.atlases }),
    ...heldJobs(context),
    grounding_scores: context.iterations.map(({ summary }) => summary.score),
    iterations: context.iterations.map(({ summary }) => summary),
    delivered_iteration: context.delivered_iteration,
    final_score: delivered?.summary.score ?? null,
    expected_accuracy: delivered?.summary.expected_accuracy ?? null,
    termination_reason: context.termination_reason,
    error: context.error,
    error_message: context.error?.message ?? null,
    output_anndata_path: context.outputs?.anndata ?? null,
    output_report_path: context.outputs?.report ?? null,
    output_log_path: context.outputs?.log ?? null,
  };
}

/**
 * The earliest `wake_at` in a persisted snapshot and its children (D6); null when nothing waits for
 * a time.
 */
export function earliestWakeUp(persisted: unknown): number | null {
  const { context, children } = persisted as {
    context?: { wake_at?: number | null };
    children?: Record<string, { snapshot: unknown }>;
  };
  let least = context?.wake_at ?? null;
  for (const { snapshot } of Object.values(children ?? {})) {
    const next = earliestWakeUp(snapshot);
    if (next !== null && (least === null || next < least)) least = next;
  }
  return least;
}
