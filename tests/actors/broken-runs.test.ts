import { expect, test } from "vitest";
import type { RunContext } from "../../machines/run-types.ts";
import type { Usage } from "../../services/runs/document.ts";
import {
  cancelledRun,
  completedRun,
  failedRun,
  runningRun,
  TIME,
} from "../support/expected-runs.ts";
import { hostRuns, released, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const NO_USAGE: Usage = { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 };
const JOB = "hs-r1-i1-p-a1";

const later = { type: "job.changed", job_id: JOB, state: "RUNNING" };

const RUNNING = runningRun(run("r1"), "inference", { strategy: "query_as_control" });
const BROKEN = failedRun(RUNNING, "INTERNAL", "a fault of ours");

/**
 * A run with a GPU job under way whose machine broke: what the host does after each change fails
 * while `isFaulty`.
 */
async function brokenRun() {
  const store = await temporaryStore();
  const effects = scriptedEffects({
    now: () => Date.now(),
    jobState: "RUNNING",
    strategy: "query_as_control",
  });
  const fault = { isThere: true };
  const usage = ({ jobs }: RunContext): Usage => {
    if (fault.isThere && jobs.some(({ state }) => state === "submitted"))
      throw new Error("a fault of ours");
    return NO_USAGE;
  };
  const hosted = await hostRuns(store, effects, { usage });
  const settled = hosted.supervisor.settled("r1");
  await hosted.supervisor.submit(run("r1"));
  expect(await settled).toStrictEqual(BROKEN);
  /** No host has it any more. */
  const left = async (): Promise<void> => {
    await released(store, "r1");
    expect(hosted.supervisor.hosted()).toEqual([]);
  };
  await left();
  /** Delivers an event and waits until a host has consumed it and let the run go. */
  const deliver = async (id: string, event: { readonly type: string }): Promise<void> => {
    await hosted.supervisor.deliver("r1", { id, event });
    await expect.poll(async () => (await store.get("r1"))?.inbox).toEqual([]);
  };
  return {
    ...hosted,
    store,
    effects,
    fault,
    deliver,
    left,
    subjects: () => hosted.mails.map(({ subject }) => subject),
  };
}

test("late news of a job leaves a broken run failed, and owes no second mail", async () => {
  const { store, fault, deliver, left, subjects } = await brokenRun();
  fault.isThere = false;
  const before = await store.get("r1");
  await deliver("late", later);
  await left();
  expect(await store.get("r1")).toStrictEqual({
    ...before,
    document: { ...before?.document, updated_at: TIME },
    revision: expect.any(Number) as number,
  });
  expect(subjects()).toEqual(["run_failed"]);
});

test("a mail that could not be sent at first does not start a broken run again", async () => {
  const { store, fault, deliver, left, subjects } = await brokenRun();
  fault.isThere = false;
  const key = (await store.get("r1"))?.outbox[0]?.key;
  await deliver("again", { type: "mail.requested", key } as { type: string });
  await expect.poll(subjects).toEqual(["run_failed", "run_failed"]);
  await left();
  expect((await store.get("r1"))?.document.status).toBe("failed");
});

test("a cancellation ends a broken run and stops its GPU jobs", async () => {
  const { effects, fault, deliver, committed } = await brokenRun();
  expect([...effects.jobs.values()]).toEqual(["RUNNING"]);
  fault.isThere = false;
  await deliver("stop", { type: "cancel.requested" });
  expect(
    await committed(
      "r1",
      ({ status, current_phase }) => status === "cancelled" && current_phase === null,
    ),
  ).toStrictEqual(cancelledRun(RUNNING));
  expect([...effects.jobs.values()]).toEqual(["CANCELLED"]);
});

test("a retry goes on from the last good state; where it breaks again it is tried once", async () => {
  const { store, effects, fault, deliver, left, supervisor, committed } = await brokenRun();
  await deliver("retry-1", { type: "retry.requested" });
  await left();
  expect((await store.get("r1"))?.document.status).toBe("failed");
  fault.isThere = false;
  effects.jobs.set(JOB, "SUCCEEDED");
  await supervisor.deliver("r1", { id: "retry-2", event: { type: "retry.requested" } });
  expect(await committed("r1", ({ status }) => status === "completed")).toStrictEqual(
    completedRun(run("r1"), { strategy: "query_as_control" }),
  );
});

test("a step whose commit breaks does not start, though the run stays in memory for its mail (D2)", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({
    now: () => Date.now(),
    jobState: "RUNNING",
    strategy: "query_as_control",
  });
  const usage = ({ jobs }: RunContext): Usage => {
    if (jobs.some(({ state }) => state === "submitting")) throw new Error("a fault of ours");
    return NO_USAGE;
  };
  const delivery = Promise.withResolvers<void>();
  const { supervisor, committed } = await hostRuns(store, effects, {
    usage,
    mail: { send: () => delivery.promise, close: () => Promise.resolve() },
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  await committed("r1", ({ status }) => status === "failed");
  await expect
    .poll(() => supervisor.status().hosted)
    .toStrictEqual([
      {
        run_id: "r1",
        status: "failed",
        current_phase: "inference",
        token: 1,
        lease_expires_at: expect.any(Number) as number,
        postponed: null,
        wake_at: null,
        waiting: true,
      },
    ]);
  delivery.resolve();
  await settled;
  expect([...effects.jobs]).toEqual([]);
});
