import { describe, expect, test } from "vitest";
import { checkJob } from "../../actors/steps/check-job.ts";
import type { StepPorts } from "../../actors/steps/ports.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { BatchService, JobFailure, JobStatus } from "../../services/batch/index.ts";
import type { CheckJobInput, JobFailureLimits, JobRecord } from "../../machines/run-types.ts";

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
