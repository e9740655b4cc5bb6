import { expect, test } from "vitest";
import { statusOf } from "../../actors/run-details.ts";
import type { InferenceJobContext } from "../../machines/inference-job-types.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const JOB = {
  job_id: "hs-r1-i1-p-a1",
  iteration: 1,
  kind: "prediction",
  attempt: 1,
  state: "submitted",
  run_seconds: null,
  cost_usd: 0,
  problem: null,
};

type Child = readonly [value: string, context: Partial<InferenceJobContext>];

/** A run that waits for its jobs, with these machines of them. */
const waiting = (children: readonly Child[], jobs: readonly unknown[] = [JOB]): RunRecord =>
  ({
    document: { ...run("r1"), status: "running", current_phase: "inference" },
    snapshot: JSON.stringify({
      context: { jobs },
      children: Object.fromEntries(
        children.map(([value, context], place) => [
          `job${place}`,
          { snapshot: { status: "active", value, context } },
        ]),
      ),
    }),
    lease: { owner: "daemon-1", expires_at: NOW + HOUR },
    wake_at: null,
    outbox: [],
  }) as unknown as RunRecord;

const deadline_at = NOW + 2 * HOUR;
const trouble = { code: "BATCH_UNAVAILABLE", message: "No answer.", since: NOW } as const;

test.each<readonly [what: string, hours: number | null, children: readonly Child[]]>([
  ["not checked yet", 2, [["awaiting", { deadline_at, wake_at: NOW + HOUR / 12 }]]],
  ["without a machine", 2, [["awaiting", { deadline_at, wake_at: deadline_at }]]],
  ["that is moved soon", 2, [["awaiting", { deadline_at, wake_at: NOW + HOUR }]]],
  [
    "that waited for its machine and runs",
    5,
    [["awaiting", { deadline_at, wake_at: NOW + 5 * HOUR }]],
  ],
  [
    "that is looked at, and has waited and runs",
    5,
    [["checking", { deadline_at, wake_at: NOW + 5 * HOUR }]],
  ],
  [
    "that cannot be looked at until later",
    2,
    [["awaiting", { deadline_at, wake_at: NOW + 5 * HOUR, trouble }]],
  ],
  [
    "that Batch told nothing of since its deadline",
    null,
    [["awaiting", { deadline_at: NOW - HOUR, wake_at: NOW + HOUR, trouble }]],
  ],
  ["whose next attempt is not handed over", null, [["submitting", { deadline_at, wake_at: null }]]],
  ["whose next attempt comes later", null, [["retrying", { deadline_at, wake_at: NOW + HOUR }]]],
  ["that is stopped", null, [["expiring", { deadline_at, wake_at: deadline_at }]]],
  [
    "beside one whose attempt is over",
    1,
    [
      ["retrying", { deadline_at, wake_at: NOW + HOUR }],
      ["awaiting", { deadline_at: NOW + HOUR, wake_at: NOW + HOUR }],
    ],
  ],
  ["of an older record", null, [["awaiting", {}]]],
  ["nobody knows of", null, []],
])("until when a run waits for a job %s", (_, hours, children) => {
  expect(statusOf(waiting(children), NOW).waits_until).toBe(
    hours === null ? null : new Date(NOW + hours * HOUR).toISOString(),
  );
});

test("a run whose jobs have ended waits until no time", () => {
  const record = waiting(
    [["awaiting", { deadline_at, wake_at: deadline_at }]],
    [{ ...JOB, state: "succeeded" }],
  );
  expect(statusOf(record, NOW).waits_until).toBeNull();
});
