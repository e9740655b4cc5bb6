import { expect } from "vitest";
import { HaystackError, type ErrorCode } from "../../errors.ts";
import type {
  RunDocument,
  RunErrorRecord,
  RunPhase,
  TerminationReason,
} from "../../services/runs/document.ts";
import { SCRIPTED_OUTPUTS, scriptedQuery, scriptedSummary } from "./scripted-effects.ts";

/** The whole documents of runs with scripted effects, said by what tells one from another. */

/** A time as documents hold it. */
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

interface Begun {
  /** What the analysis chose. */
  readonly strategy?: "synthetic_control" | "query_as_control";
  /** Of the iterations that have ended. */
  readonly scores?: readonly number[];
  /** What else is not as in a scripted run. */
  readonly changes?: Partial<RunDocument>;
}

/** A run whose analysis has ended, as it is in the phase; `submitted` is the queued one. */
export const runningRun = (
  submitted: RunDocument,
  phase: RunPhase,
  { strategy = "synthetic_control", scores = [], changes = {} }: Begun = {},
): RunDocument => ({
  ...submitted,
  status: "running",
  current_phase: phase,
  current_iteration: scores.length + (phase === "output_generation" ? 0 : 1),
  structured_query: scriptedQuery(),
  control_strategy_effective: strategy,
  control_cells_available: strategy === "synthetic_control",
  grounding_scores: [...scores],
  iterations: scores.map((score, index) => scriptedSummary(index + 1, score)),
  started_at: TIME,
  updated_at: TIME,
  ...changes,
});

interface Completed extends Begun {
  readonly reason?: TerminationReason;
  /** Counted from 1; without it the last iteration is delivered. */
  readonly delivered?: number;
}

export function completedRun(submitted: RunDocument, completed: Completed = {}): RunDocument {
  const { reason = "converged", scores = [8], delivered = scores.length, changes } = completed;
  return {
    ...runningRun(submitted, "output_generation", { ...completed, scores }),
    status: "completed",
    current_phase: null,
    delivered_iteration: delivered,
    final_score: scores[delivered - 1] ?? null,
    termination_reason: reason,
    output_anndata_path: SCRIPTED_OUTPUTS.anndata,
    output_report_path: SCRIPTED_OUTPUTS.report,
    output_log_path: SCRIPTED_OUTPUTS.log,
    completed_at: TIME,
    ...changes,
  };
}

/** The run, ended by a cancellation that is confirmed. */
export const cancelledRun = (document: RunDocument): RunDocument => ({
  ...document,
  status: "cancelled",
  current_phase: null,
  termination_reason: "cancelled",
  updated_at: TIME,
  completed_at: TIME,
});

/** The run, failed in the phase that it is in. */
export function failedRun(document: RunDocument, code: ErrorCode, message: string): RunDocument {
  const { retryable } = new HaystackError(code, message).toRecord();
  const phase = document.current_phase ?? "pending";
  const error: RunErrorRecord = { code, message, retryable, phase };
  return {
    ...document,
    status: "failed",
    termination_reason: "failed",
    error,
    error_message: message,
    updated_at: TIME,
    completed_at: TIME,
  };
}
