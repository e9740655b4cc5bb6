import { expect, test } from "vitest";
import { markCancelled, modelSpent } from "../../machines/run-actions.ts";
import { jobInput } from "../../machines/run-inputs.ts";
import type { JobKind } from "../../machines/pair-types.ts";
import type { JobRecord, RunContext } from "../../machines/run-types.ts";
import { run } from "../support/hosted-runs.ts";

const job = (iteration: number, kind: JobKind, attempt: number): JobRecord => ({
  job_id: `${iteration}-${kind}-${attempt}`,
  iteration,
  kind,
  attempt,
  state: "failed",
  run_seconds: null,
  offer: null,
  cost_usd: 0,
  failure: "application",
  problem: null,
});

const PLAN = { path: "plan.json", sha256: "abc" };

const contextWith = (changes: Partial<RunContext>): RunContext =>
  ({ ...run("r1"), iteration: 2, jobs: [], round: { plan: PLAN }, ...changes }) as RunContext;

test("attempts are counted on, for each iteration and kind by itself", () => {
  const context = contextWith({
    jobs: [
      job(1, "prediction", 1),
      job(1, "prediction", 2),
      job(1, "control", 1),
      job(1, "control", 2),
      job(1, "control", 3),
      job(2, "prediction", 1),
      job(2, "prediction", 2),
    ],
  });
  expect(jobInput(context, "prediction").first_attempt).toBe(3);
  expect(jobInput(context, "control").first_attempt).toBe(1);
  expect(jobInput(contextWith({ iteration: 1, jobs: context.jobs }), "control").first_attempt).toBe(
    4,
  );
});

test("a job is told the limits of its run", () => {
  const { config } = run("r1", {
    max_job_attempts: 2,
    max_preemptions: 3,
    max_transient_failures: 4,
    job_deadline_seconds: 50,
    max_gpu_cost_usd: 6,
  });
  expect(jobInput(contextWith({ config }), "control")).toStrictEqual({
    run_id: "r1",
    iteration: 2,
    kind: "control",
    plan: PLAN,
    random_seed: 1,
    first_attempt: 1,
    limits: { application: 2, preempted: 3, transient: 4 },
    deadline_seconds: 50,
    max_gpu_cost_usd: 6,
  });
});

test("what the model was used for adds up, but for the step that runs again", () => {
  const context = contextWith({
    model_usage: {
      analyze: { tokens: 1, usd: 0.5 },
      "prompt.1": { tokens: 10, usd: 0.25 },
      "prompt.2": { tokens: 100, usd: 2 },
    },
  });
  expect(modelSpent(context)).toEqual({ tokens: 111, usd: 2.75 });
  expect(modelSpent(context, "prompt.2")).toEqual({ tokens: 11, usd: 0.75 });
  expect(modelSpent(contextWith({}))).toEqual({ tokens: 0, usd: 0 });
});

test("a stopped job is paid for as long as it ran; one that had ended keeps its end and its price", () => {
  const offer = { machine: "a2-highgpu-1g", provisioning: "SPOT", usd_per_hour: 2 } as const;
  const ended = { ...job(1, "prediction", 1), run_seconds: 60, offer, cost_usd: 5 };
  const submitted = {
    ...job(1, "prediction", 2),
    state: "submitted" as const,
    offer,
    failure: null,
  };
  const submitting = { ...job(1, "control", 1), state: "submitting" as const, failure: null };
  const seconds = { [ended.job_id]: 1, [submitted.job_id]: 1_800 };
  expect(markCancelled([ended, submitted, submitting], seconds)).toEqual([
    ended,
    { ...submitted, state: "cancelled", run_seconds: 1_800, cost_usd: 1 },
    { ...submitting, state: "cancelled", run_seconds: null, cost_usd: 0 },
  ]);
});
