import { expect } from "vitest";
import type { JobKind } from "../../machines/pair-types.ts";
import { run } from "./hosted-runs.ts";

/**
 * What is shown of the machines of run r1, with scripted effects: numbers, flags, names and states
 * of ours, and no other text.
 */

const MILLISECONDS = expect.any(Number) as number;

const shownJob = (kind: JobKind): object => ({
  job_id: `hs-r1-i1-${kind === "prediction" ? "p" : "c"}-a1`,
  iteration: 1,
  kind,
  attempt: 1,
  state: "submitted",
  run_seconds: null,
  offer: null,
  cost_usd: 0,
  failure: null,
  problem: null,
});

/** Of an inference job that waits for Batch. */
export const shownJobContext = (kind: JobKind): object => ({
  run_id: "r1",
  iteration: 1,
  kind,
  plan: {},
  random_seed: 1,
  first_attempt: 1,
  limits: { transient: 10, preempted: 6, application: 3 },
  deadline_seconds: 21_600,
  max_gpu_cost_usd: null,
  job: shownJob(kind),
  failures: { transient: 0, preempted: 0, application: 0 },
  submitted_at: MILLISECONDS,
  deadline_at: MILLISECONDS,
  wake_at: MILLISECONDS,
  troubled_since: null,
  trouble: null,
  changed: false,
  outputs: null,
  prepared: { found: {}, notes: {} },
  error: null,
});

/** Of a run that is being analyzed. */
export const ANALYZING = {
  run_id: "r1",
  config: run("r1").config,
  random_seed: 1,
  phase: "query_analysis",
  iteration: 0,
  structured_query: null,
  control_cells_available: null,
  control_strategy_effective: null,
  round: null,
  jobs: [] as object[],
  iterations: [],
  delivered_iteration: null,
  outputs: null,
  termination_reason: null,
  error: null,
  mails: [],
};

/** Of a run that waits for both jobs of its first iteration. */
export const INFERRING = {
  ...ANALYZING,
  phase: "inference",
  iteration: 1,
  structured_query: {
    ambiguities: [],
    cell_type: { atlas_labels: [] },
    control_strategy_fallback: null,
    donor: null,
    dose: null,
    expected_pathways: [],
    expected_targets: [],
    perturbation: { atlas_labels: [], external_ids: {}, kind: "cytokine", targets: [] },
    time: null,
    tissue: null,
  },
  control_cells_available: true,
  control_strategy_effective: "synthetic_control",
  round: {
    candidate_id: "candidate-1",
    control_predictions: null,
    plan: {},
    predictions: null,
    prompt_cells: 10,
    prompt_strategy: "direct",
    query_cells: 10,
  },
  jobs: [shownJob("prediction"), shownJob("control")],
};
