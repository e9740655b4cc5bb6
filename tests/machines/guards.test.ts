import { describe, expect, test } from "vitest";
import type { InferenceJobOutput } from "../../machines/inference-job-types.ts";
import {
  concernsControl,
  concernsPrediction,
  concernsRound,
  controlSettled,
  jobSucceeded,
  predictionsPresent,
  resumesEvaluating,
  resumesInferring,
  resumesOutputting,
  resumesPrompting,
  sharesJob,
  shouldStop,
} from "../../machines/run-guards.ts";
import type { JobKind } from "../../machines/pair-types.ts";
import type { JobRecord, RunContext, RunEvent } from "../../machines/run-types.ts";
import { RUN_PHASES, TERMINATION_REASONS } from "../../services/runs/document.ts";

/** Each predicate of the run machine alone. */

const STORED = { path: "predictions.h5ad", sha256: "0" };
const ANY: RunEvent = { type: "clock.ticked", now: 0 };
const given = (context: Partial<RunContext>, event: RunEvent = ANY) => ({
  context: { jobs: [], ...context } as unknown as RunContext,
  event,
});
const job = (job_id: string, kind: JobKind) => ({ job_id, kind }) as JobRecord;

describe("news of a job", () => {
  const jobs = [
    job("p1", "prediction"),
    job("c1", "control"),
    job("p2", "prediction"),
    job("r1", "round"),
  ];
  const news = (job_id: string) => ({ type: "job.changed", job_id, state: "RUNNING" }) as const;

  test.each([
    ["the prediction", news("p1"), true, false],
    ["a later attempt at it", news("p2"), true, false],
    ["the control", news("c1"), false, true],
    ["a whole round", news("r1"), false, false, true],
    ["a job that the run does not know", news("p3"), false, false],
    ["another event that names a job", { ...news("p1"), type: "job.recorded" }, false, false],
    ["another event", ANY, false, false],
  ])("of %s concerns one job or none", (_, event, prediction, control, round = false) => {
    const seen = given({ jobs }, event as RunEvent);
    expect([concernsPrediction(seen), concernsControl(seen), concernsRound(seen)]).toEqual([
      prediction,
      control,
      round,
    ]);
  });
});

test("a job succeeded when it left predictions", () => {
  const output = (outputs: InferenceJobOutput["outputs"]) => ({ outputs }) as InferenceJobOutput;
  expect(jobSucceeded(given({}), output({ prediction: STORED }))).toBe(true);
  expect(jobSucceeded(given({}), output(null))).toBe(false);
});

describe("a region is ready", () => {
  const round = (predictions: object | null, control_predictions: object | null) =>
    ({ predictions, control_predictions }) as RunContext["round"];

  test.each([
    ["before a prompt is chosen", null, false, false],
    ["with nothing predicted", round(null, null), false, false],
    ["with the prediction alone", round(STORED, null), true, false],
    ["with the control alone", round(null, STORED), false, true],
    ["with both", round(STORED, STORED), true, true],
  ])("%s", (_, present, prediction, control) => {
    const seen = given({ round: present, control_strategy_effective: "synthetic_control" });
    expect([predictionsPresent(seen), controlSettled(seen)]).toEqual([prediction, control]);
  });

  test("without a control job where the query cells are the control", () => {
    const seen = given({
      round: round(null, null),
      control_strategy_effective: "query_as_control",
    });
    expect([predictionsPresent(seen), controlSettled(seen)]).toEqual([false, true]);
  });
});

describe("a round shares one job", () => {
  const round = (predictions: object | null, control_predictions: object | null) =>
    ({ predictions, control_predictions }) as RunContext["round"];

  test.each([
    ["as long as nothing is predicted", {}, round(null, null), true],
    ["where the run asks for it", { control_job: "together" }, round(null, null), true],
    ["unless the run asks for two", { control_job: "separate" }, round(null, null), false],
    ["no more once the prediction is there", {}, round(STORED, null), false],
    ["no more once the control is there", {}, round(null, STORED), false],
  ])("%s", (_, config, present, shared) => {
    const seen = { round: present, config: config as RunContext["config"] };
    const of = (control_strategy_effective: RunContext["control_strategy_effective"]) =>
      sharesJob(given({ ...seen, control_strategy_effective }));
    expect([of("synthetic_control"), of("query_as_control")]).toEqual([shared, false]);
  });
});

test("a round of several prompts shares one job under each control strategy", () => {
  const round = {
    predictions: null,
    control_predictions: null,
    prompts: [],
  } as unknown as RunContext["round"];
  const of = (
    control_strategy_effective: RunContext["control_strategy_effective"],
    control_job?: "separate",
  ) =>
    sharesJob(
      given({ round, control_strategy_effective, config: { control_job } as RunContext["config"] }),
    );
  expect([of("synthetic_control"), of("query_as_control")]).toEqual([true, true]);
  expect([of("synthetic_control", "separate"), of("query_as_control", "separate")]).toEqual([
    false,
    false,
  ]);
});

test("a run stops for a reason and no other", () => {
  expect(shouldStop(given({ termination_reason: null }))).toBe(false);
  for (const termination_reason of TERMINATION_REASONS)
    expect(shouldStop(given({ termination_reason }))).toBe(true);
});

test("a run that is retried goes on in the phase that failed; any other begins anew", () => {
  const resumes = { resumesPrompting, resumesInferring, resumesEvaluating, resumesOutputting };
  const chosen = [null, undefined, ...RUN_PHASES].map((resume_phase) => [
    resume_phase,
    Object.entries(resumes)
      .filter(([, guard]) => guard(given({ resume_phase } as Partial<RunContext>)))
      .map(([name]) => name),
  ]);
  expect(chosen).toEqual([
    [null, []],
    [undefined, []],
    ["pending", []],
    ["query_analysis", []],
    ["prompt_generation", ["resumesPrompting"]],
    ["inference", ["resumesInferring"]],
    ["evaluation", ["resumesEvaluating"]],
    ["output_generation", ["resumesOutputting"]],
  ]);
});
