import type { StateValue } from "xstate";
import type { ErrorRecord } from "../../../errors.ts";
import type { JobKind } from "../../../machines/pair-types.ts";
import type { RunEvent } from "../../../machines/run-types.ts";
import type { RunConfig, RunDocument } from "../../../services/runs/document.ts";

/**
 * A path through a machine, translated into what has to happen around a real run so that it goes
 * that way.
 */

export type SteeredEffect =
  | "analyze"
  | "prompt"
  | `${"prepareJob" | "submitJob" | "checkJob"}:${JobKind}`
  | "cancelJobs"
  | "evaluate"
  | "output";

export type Answer =
  | { readonly kind: "ok" }
  | { readonly kind: "error"; readonly error: ErrorRecord }
  /** No output at all: the machine that asked breaks. */
  | { readonly kind: "malformed" }
  | { readonly kind: "understood"; readonly strategy: "synthetic_control" | "query_as_control" }
  | { readonly kind: "score"; readonly score: number }
  | { readonly kind: "verdict"; readonly verdict: "waiting" | "succeeded" | "overdue" }
  /** The job waits, and Batch says why it has no machine. */
  | { readonly kind: "held" }
  | { readonly kind: "failed"; readonly retryable: boolean }
  | { readonly kind: "postponed" }
  /** All that a job was to predict is there already. */
  | { readonly kind: "found" }
  | { readonly kind: "jobs remain" };

export type Act =
  | { readonly kind: "admit" }
  | {
      readonly kind: "event";
      readonly event: Exclude<RunEvent, { type: "job.recorded" | "clock.ticked" | "run.admitted" }>;
    }
  | { readonly kind: "tick" }
  | { readonly kind: "answer"; readonly effect: SteeredEffect; readonly answer: Answer };

export interface ModelStep {
  readonly acts: readonly Act[];
  /**
   * Where the machine of the path is afterwards, by the model; `child` names the invocation when it
   * is not the run itself.
   */
  readonly expected: { readonly child: readonly string[]; readonly value: StateValue };
  /** What the document shows afterwards, by the model. */
  readonly view: Partial<RunDocument> | null;
}

export interface ModelPath {
  readonly name: string;
  /** What the run is given beside what every run of the model has. */
  readonly config?: Partial<RunConfig>;
  readonly steps: readonly ModelStep[];
  /**
   * Rows of the machines' transition tables that the path takes, as `machine | state | event |
   * guard | target`.
   */
  readonly rows: ReadonlySet<string>;
  readonly states: ReadonlySet<string>;
}

export const admit: Act = { kind: "admit" };
export const tick: Act = { kind: "tick" };
export const send = (event: (Act & { kind: "event" })["event"]): Act => ({ kind: "event", event });
export const answer = (effect: SteeredEffect, how: Answer = { kind: "ok" }): Act => ({
  kind: "answer",
  effect,
  answer: how,
});
export const STEP_ERROR: ErrorRecord = {
  code: "INTERNAL",
  message: "The steered step failed.",
  retryable: true,
};
