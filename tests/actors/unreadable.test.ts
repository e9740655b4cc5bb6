import { expect, test } from "vitest";
import { createUnreadableFilter } from "../../actors/supervisor/unreadable.ts";
import { RUN_MACHINE } from "../../machines/run.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { OutboxEntry, RunRecord } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

const PATIENCE_MS = 30_000;

const record = (changes: Partial<RunRecord> = {}): RunRecord => ({
  document: { ...run("r1"), status: "running" },
  snapshot: "{}",
  machine: { id: "run", version: "99" },
  revision: 1,
  lease: null,
  wake_at: null,
  inbox: [],
  outbox: [],
  priority: 0,
  ...changes,
});

function leaving() {
  const clock = manualClock(0);
  return { clock, leave: createUnreadableFilter(clock, PATIENCE_MS) };
}

test("a run of another release is left for as long as somebody moves it on, and a lease's time longer", () => {
  const { clock, leave } = leaving();
  expect(leave(record())).toBe(true);
  clock.advance(PATIENCE_MS - 1);
  expect(leave(record())).toBe(true);
  expect(leave(record({ revision: 2 }))).toBe(true);
  clock.advance(PATIENCE_MS - 1);
  expect(leave(record({ revision: 2 }))).toBe(true);
  clock.advance(1);
  expect(leave(record({ revision: 2 }))).toBe(false);
});

test("each run has its own time", () => {
  const { clock, leave } = leaving();
  leave(record());
  clock.advance(PATIENCE_MS);
  expect(leave(record({ document: { ...run("r2"), status: "running" } }))).toBe(true);
  expect(leave(record())).toBe(false);
});

test("a run that this release can read, or that has no snapshot yet, is not left", () => {
  const { leave } = leaving();
  expect(leave(record({ machine: RUN_MACHINE }))).toBe(false);
  expect(leave(record({ snapshot: null }))).toBe(false);
  expect(leave(record({ machine: null }))).toBe(false);
});

test("one that has ended is left, unless it owes a mail now or one is asked for", () => {
  const { clock, leave } = leaving();
  const document = {
    ...run("r1"),
    status: "completed" as const,
    completed_at: "2026-01-01T00:00:00.000Z",
  };
  const mail: OutboxEntry = {
    key: "r1.run_completed.1",
    kind: "run_completed",
    state: "owed",
    attempts: 0,
    due_at: 500,
    problem: null,
  };
  const inbox = [{ id: "m1", event: { type: "mail.requested", key: mail.key } }];
  expect(leave(record({ document }))).toBe(true);
  expect(leave(record({ document, outbox: [mail] }))).toBe(true);
  expect(leave(record({ document, outbox: [{ ...mail, state: "sent" }] }))).toBe(true);
  expect(leave(record({ document, inbox }))).toBe(false);
  clock.advance(500);
  expect(leave(record({ document, outbox: [mail] }))).toBe(false);
  expect(leave(record({ document, outbox: [{ ...mail, state: "sent" }] }))).toBe(true);
  clock.advance(PATIENCE_MS);
  expect(leave(record({ document }))).toBe(true);
});
