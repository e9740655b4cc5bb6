import { expect, test } from "vitest";
import type { ActorNode } from "../../actors/inspection/actor-tree.ts";
import { stuckReasons, waitedJobs } from "../../actors/stuck-reasons.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

const BEFORE = Date.parse("2026-01-01T00:00:00Z");
const record = (changes: Partial<RunRecord>): RunRecord => ({
  document: { ...run("r1"), status: "running", updated_at: new Date(BEFORE + 1).toISOString() },
  snapshot: null,
  machine: null,
  revision: 3,
  lease: null,
  wake_at: null,
  inbox: [],
  outbox: [],
  priority: 0,
  ...changes,
});
const reasonsOf = (changes: Partial<RunRecord>, event_since: number | null = null) =>
  stuckReasons({ record: record(changes), event_since }, null, [], BEFORE).map(
    ({ reason, since }) => [reason, since],
  );
const actor = (
  context: Record<string, unknown>,
  children: readonly ActorNode[] = [],
): ActorNode => ({
  id: "run",
  source: "run",
  status: "active",
  state: "x",
  wake_at: null,
  context,
  children,
});

test("each reason is found from its moment on, and not before", () => {
  expect(reasonsOf({ lease: { owner: "gone", token: 1, expires_at: BEFORE } })).toEqual([
    ["lease_expired", BEFORE],
  ]);
  expect(reasonsOf({ lease: { owner: "here", token: 1, expires_at: BEFORE + 1 } })).toEqual([]);
  expect(reasonsOf({ wake_at: BEFORE })).toEqual([["wake_up_overdue", BEFORE]]);
  expect(reasonsOf({ wake_at: BEFORE + 1 })).toEqual([]);
  expect(reasonsOf({}, BEFORE)).toEqual([["event_waiting", BEFORE]]);
  expect(reasonsOf({}, BEFORE + 1)).toEqual([]);
  expect(reasonsOf({})).toEqual([]);
  const old = {
    ...run("r1"),
    status: "running" as const,
    updated_at: new Date(BEFORE).toISOString(),
  };
  expect(reasonsOf({ document: old })).toEqual([["unclaimed", BEFORE]]);
  expect(reasonsOf({ document: { ...old, status: "failed" } })).toEqual([]);
  const mail = {
    key: "k",
    kind: "run_failed" as const,
    attempts: 1,
    due_at: 0,
    problem: "No such address.",
  };
  expect(
    reasonsOf({
      outbox: [
        { ...mail, state: "rejected" },
        { ...mail, state: "sent" },
      ],
    }),
  ).toEqual([["mail_rejected", null]]);
});

test("failed attempts and jobs that Batch does not know are reasons", () => {
  const failed = Array.from({ length: 3 }, () => ({ failure: "preempted" }));
  expect(
    stuckReasons({ record: record({}), event_since: null }, actor({ jobs: failed }), [], BEFORE),
  ).toStrictEqual([
    {
      reason: "many_failures",
      since: null,
      detail: "3 attempts at its inference jobs have failed.",
    },
  ]);
  expect(
    stuckReasons(
      { record: record({}), event_since: null },
      actor({ jobs: failed.slice(1) }),
      [],
      BEFORE,
    ),
  ).toEqual([]);
  const child = actor({ job: { job_id: "hs-r1-i1-p-a1", state: "submitted" }, submitted_at: 5 });
  const jobs = waitedJobs(
    actor({}, [
      child,
      actor({ job: { job_id: "hs-r1-i1-c-a1", state: "succeeded" }, submitted_at: 5 }),
    ]),
  );
  expect(jobs).toEqual([{ job_id: "hs-r1-i1-p-a1", submitted_at: 5, offer: null }]);
  expect(stuckReasons({ record: record({}), event_since: null }, null, jobs, BEFORE)).toStrictEqual(
    [{ reason: "job_unknown", since: 5, detail: "Batch does not know the job hs-r1-i1-p-a1." }],
  );
});

test("a job that Batch does not take, and one that cannot be looked at, are reasons while the run works", () => {
  const trouble = {
    code: "OBJECTS_UNAVAILABLE",
    message: "The bucket does not answer.",
    since: BEFORE,
  };
  const job = { job_id: "hs-r1-i1-p-a1", state: "submitting", problem: "No quota for L4." };
  const reasons = (context: Record<string, unknown>, changes: Partial<RunRecord> = {}) =>
    stuckReasons(
      { record: record(changes), event_since: null },
      actor({}, [actor({ job, ...context })]),
      [],
      BEFORE,
    );
  expect(reasons({ troubled_since: BEFORE })).toEqual([
    {
      reason: "job_postponed",
      since: BEFORE,
      detail: "Batch does not accept the job hs-r1-i1-p-a1: No quota for L4.",
    },
  ]);
  expect(reasons({ trouble })).toEqual([
    {
      reason: "check_failing",
      since: BEFORE,
      detail:
        "The job hs-r1-i1-p-a1 cannot be checked (OBJECTS_UNAVAILABLE): The bucket does not answer.",
    },
  ]);
  expect(
    reasons({ troubled_since: BEFORE + 1, trouble: { ...trouble, since: BEFORE + 1 } }),
  ).toEqual([]);
  expect(reasons({ troubled_since: null, trouble: null })).toEqual([]);
  expect(reasons({ trouble }, { document: { ...run("r1"), status: "failed" } })).toEqual([]);
});

test("a step that is postponed for long is a reason, with what stops it", () => {
  const postponed = (since: number, status: "running" | "failed" = "running") =>
    reasonsOf({
      document: {
        ...record({}).document,
        status,
        postponed: {
          step: "evaluate",
          code: "DISK_FULL",
          message: "The disk is full; free some space.",
          since: new Date(since).toISOString(),
          try_at: new Date(BEFORE + 9_000).toISOString(),
        },
      },
    });
  expect(postponed(BEFORE)).toEqual([["step_postponed", BEFORE]]);
  expect(postponed(BEFORE + 1)).toEqual([]);
  expect(postponed(BEFORE, "failed")).toEqual([]);
});

test("a job that should have stopped is a reason until its end is confirmed", () => {
  const stopping = (context: Record<string, unknown>) =>
    stuckReasons(
      { record: record({}), event_since: null },
      actor({}, [{ ...actor(context), source: "stopJobs" }]),
      [],
      BEFORE,
    ).map(({ reason, since }) => [reason, since]);
  expect(stopping({ job_ids: ["hs-r1-i1-p-a1"], asked_at: BEFORE })).toEqual([
    ["stop_unconfirmed", BEFORE],
  ]);
  expect(stopping({ job_ids: ["hs-r1-i1-p-a1"], asked_at: BEFORE + 1 })).toEqual([]);
  expect(stopping({ job_ids: ["hs-r1-i1-p-a1"], asked_at: null })).toEqual([]);
  expect(stopping({ job_ids: [], asked_at: BEFORE })).toEqual([]);
});
