import { describe, expect, test } from "vitest";
import { HaystackError, type ErrorCode } from "../../errors.ts";
import { checkJob } from "../../actors/steps/check-job.ts";
import type { StepPorts } from "../../actors/steps/ports.ts";
import { submitJob } from "../../actors/steps/submit-job.ts";
import { manualClock, type ManualClock } from "../../services/clock/manual.ts";
import type { BatchService, JobFailure, JobStatus } from "../../services/batch/index.ts";
import type { CheckJobInput, JobFailureLimits, JobRecord, PostponedJob, SubmitJobInput } from "../../machines/run-types.ts";

/** The steps that deal with Batch, alone, with a Batch that says what the test wants. */

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const context = { signal: new AbortController().signal, quiesce: () => Promise.resolve() };
const NONE: JobFailureLimits = { transient: 0, preempted: 0, application: 0 };

const job = (attempt = 1): JobRecord => ({
  job_id: `hs-r1-i1-p-a${attempt}`, iteration: 1, kind: "prediction", attempt, state: "submitted", run_seconds: null, offer: null, cost_usd: 0, failure: null, problem: null,
});
const toCheck = (more: Partial<CheckJobInput> = {}): CheckJobInput => ({ job: job(), run_id: "r1", failures: NONE, submitted_at: NOW, deadline_at: NOW + 60 * MINUTE, ...more });

const portsOf = (batch: Partial<BatchService>, more: Partial<StepPorts> = {}): StepPorts =>
  ({ batch: { notFoundGraceMs: 0, offer: () => null, ...batch }, clock: manualClock(NOW), reconcileMs: 30_000, ...more }) as StepPorts;
const saying = (status: Partial<JobStatus>): Partial<BatchService> => ({ get: (job_id) => Promise.resolve({ job_id, state: "RUNNING", ...status }) });
const failing = (failure: Partial<JobFailure>): Partial<BatchService> => saying({ state: "FAILED", failure: { kind: "transient", reason: "no capacity", exit_code: null, ...failure } });

describe("a failed attempt", () => {
  test.each([
    [NONE, 31, 1_000],
    [{ transient: 2, preempted: 1, application: 0 }, 4, 8_000],
    [{ transient: 99, preempted: 99, application: 9 }, 208, 5 * MINUTE],
  ])("after failures %j is repeated as attempt %i + 1 after %i ms: the attempts of earlier tries by the user do not count", async (failures, attempt, pause) => {
    const verdict = await checkJob(portsOf(failing({})))(toCheck({ job: job(attempt), failures }), context);
    expect(verdict).toMatchObject({ verdict: "failed", retry_at: NOW + pause });
  });

  test.each([
    [1, NONE, true],
    [4, { transient: 1, preempted: 2, application: 0 }, true],
    [2, { transient: 0, preempted: 0, application: 1 }, false],
  ])("that may be repeated once: attempt %i after failures %j, repeated: %s", async (attempt, failures, retryable) => {
    const verdict = await checkJob(portsOf(failing({ kind: "application", repeats: "once", exit_code: 4 })))(toCheck({ job: job(attempt), failures }), context);
    expect(verdict).toMatchObject({ verdict: "failed", error: { retryable } });
  });
});

describe("a job that Batch cannot take now", () => {
  const DEADLINE_SECONDS = 3_600;
  const toSubmit = (more: Partial<SubmitJobInput> = {}): SubmitJobInput => ({ job: job(), run_id: "r1", random_seed: 1, deadline_seconds: DEADLINE_SECONDS, preemptions: 0, max_gpu_cost_usd: null, ...more });
  const submitting = (clock: ManualClock, code: ErrorCode, names: string[] = []) =>
    submitJob(portsOf({ submit: ({ job_id }) => (names.push(job_id), Promise.reject(new HaystackError(code, "scripted"))) }, { clock }));

  test.each(["BATCH_QUOTA", "BATCH_UNAVAILABLE"] as const)("%s: is handed over again by the same name, ever less often, for as long as it may run", async (code) => {
    const clock = manualClock(NOW);
    const names: string[] = [];
    const submit = submitting(clock, code, names);
    const pauses: number[] = [];
    let last: PostponedJob | null = null;
    while (clock.now() < NOW + DEADLINE_SECONDS * 1_000) {
      last = (await submit(toSubmit({ troubled_since: last?.troubled_since ?? null }), context)) as PostponedJob;
      expect(last).toMatchObject({ problem: "scripted", troubled_since: NOW });
      pauses.push(last.try_at - clock.now());
      clock.advanceTo(last.try_at);
    }
    expect(clock.now()).toBe(NOW + DEADLINE_SECONDS * 1_000);
    expect(pauses.slice(0, -1)).toEqual(pauses.slice(0, -1).toSorted((one, other) => one - other));
    expect([pauses[0], Math.max(...pauses)]).toEqual([5_000, 5 * MINUTE]);
    await expect(submit(toSubmit({ troubled_since: NOW }), context)).rejects.toMatchObject({ code });
    expect(new Set(names)).toEqual(new Set(["hs-r1-i1-p-a1"]));
  });

  test.each(["BATCH_REFUSED", "JOB_NOT_OURS", "STEP_ABORTED"] as const)("%s is no such case", async (code) => {
    await expect(submitting(manualClock(NOW), code)(toSubmit(), context)).rejects.toMatchObject({ code });
  });
});
