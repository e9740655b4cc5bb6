import { expect, test } from "vitest";
import { RUN_MACHINE } from "../../machines/run.ts";
import type { ClaimRequest, RunRecord, RunStore } from "../../services/runs/index.ts";
import { completedRun, runningRun } from "../support/expected-runs.ts";
import { hostRuns, run, skippingClock, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

/**
 * The store as a daemon sees it that does not know the machine of its runs; `claims` has how many
 * runs each claim gave.
 */
function ofOlderRelease(store: RunStore) {
  const claims: number[] = [];
  const claim = async (request: ClaimRequest): Promise<RunRecord[]> => {
    const records = await store.claim(request);
    claims.push(records.length);
    return records.map((record) => ({ ...record, machine: { id: "run", version: "99" } }));
  };
  const commit: RunStore["commit"] = (commits) =>
    store.commit(commits.map((each) => ({ ...each, machine: RUN_MACHINE })));
  return { claims, store: { ...store, claim, commit } };
}

const now = () => Date.now();
const LEASE_MS = 3_600_000;
const CANCEL = { id: "c1", event: { type: "cancel.requested" } };

/** A store with a run that waits for its GPU jobs, left by a daemon that knows its machine. */
async function leftRun() {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, jobState: "RUNNING" });
  const first = await hostRuns(store, effects, { owner: "first" });
  await first.supervisor.submit(run("r1"));
  await first.committed("r1", (_, entries) =>
    entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
  );
  await first.supervisor.stop();
  return { store, effects };
}

test("a daemon leaves a run of another release, with its cancellation, to a daemon of that release; it looks once a sweep", async () => {
  const { store, effects } = await leftRun();
  const left = await store.get("r1");
  const older = ofOlderRelease(store);
  const old = await hostRuns(older.store, effects, { owner: "older", leaseMs: LEASE_MS });
  await old.supervisor.deliver("r1", CANCEL);
  await expect.poll(() => older.claims.length).toBeGreaterThan(20);
  expect(older.claims.filter((runs) => runs > 0).length).toBeLessThanOrEqual(
    older.claims.length / 2 + 1,
  );
  expect(await store.get("r1")).toStrictEqual({
    ...left,
    document: runningRun(run("r1"), "inference"),
    inbox: [CANCEL],
  });
  const present = await hostRuns(store, effects, { owner: "present" });
  await present.committed(
    "r1",
    ({ status, current_phase }) => status === "cancelled" && current_phase === null,
  );
  expect([...effects.jobs.values()]).toEqual(["CANCELLED", "CANCELLED"]);
  expect(old.mails).toEqual([]);
});

test("one that no other daemon takes is shown as failed, with one mail; its cancellation waits for a release that can stop its jobs", async () => {
  const { store, effects } = await leftRun();
  const older = ofOlderRelease(store);
  const clock = skippingClock();
  const old = await hostRuns(older.store, effects, { owner: "older", leaseMs: LEASE_MS, clock });
  // By now the job is looked at: the run is due.
  clock.skip(60_000);
  await expect.poll(() => older.claims.slice(0, -1).some((runs) => runs > 0)).toBe(true);
  clock.skip(LEASE_MS);
  await old.committed("r1", ({ status }) => status === "failed");
  await expect.poll(() => old.mails.map(({ subject }) => subject)).toEqual(["run_failed"]);
  await old.supervisor.deliver("r1", CANCEL);
  const { length } = older.claims;
  await expect.poll(() => older.claims.length).toBeGreaterThan(length + 20);
  expect(older.claims.slice(length).filter((runs) => runs > 0).length).toBeLessThanOrEqual(
    (older.claims.length - length) / 2 + 2,
  );
  expect((await store.get("r1"))?.inbox).toEqual([CANCEL]);
  await old.supervisor.stop();
  const present = await hostRuns(store, effects, { owner: "present", clock });
  await present.committed(
    "r1",
    ({ status, current_phase }) => status === "cancelled" && current_phase === null,
  );
  expect([...effects.jobs.values()]).toEqual(["CANCELLED", "CANCELLED"]);
  expect(old.mails).toHaveLength(1);
});

test("a finished run of another release stays finished when late news of a job comes", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now });
  const first = await hostRuns(store, effects, { owner: "first" });
  const settled = first.supervisor.settled("r1");
  await first.supervisor.submit(run("r1"));
  expect(await settled).toStrictEqual(completedRun(run("r1")));
  await first.supervisor.stop();
  const older = ofOlderRelease(store);
  const clock = skippingClock();
  const old = await hostRuns(older.store, effects, { owner: "older", leaseMs: LEASE_MS, clock });
  await old.supervisor.deliver("r1", {
    id: "late",
    event: { type: "job.changed", job_id: "hs-r1-i1-p-a1", state: "SUCCEEDED" },
  });
  await expect.poll(() => older.claims.slice(0, -1).some((runs) => runs > 0)).toBe(true);
  clock.skip(LEASE_MS);
  const { length } = older.claims;
  await expect.poll(() => older.claims.length).toBeGreaterThan(length + 20);
  expect((await store.get("r1"))?.document).toStrictEqual(completedRun(run("r1")));
  expect(old.mails).toEqual([]);
});
