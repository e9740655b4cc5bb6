import { expect, test } from "vitest";
import { checkQuota, overspent } from "../../actors/ceilings.ts";
import { createHousekeeping } from "../../actors/housekeeping.ts";
import { noteRemoval, usedInMonth } from "../../actors/removed-money.ts";
import { newRun } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { NO_CEILINGS } from "../support/ceilings.ts";
import { temporaryStore } from "../support/hosted-runs.ts";

const ADA = "ada@example.org";
const NOW = Date.UTC(2026, 10, 20);
const MONTH = "2026-11-01T00:00:00.000Z";
const CEILINGS = { ...NO_CEILINGS, MAX_GPU_USD_PER_USER_MONTH: 10 };

/** Ended runs that have spent so much each, and what removes them. */
async function spentRuns(spent: Readonly<Record<string, number>>, user = ADA) {
  const store = await temporaryStore();
  for (const [run_id, usd] of Object.entries(spent)) {
    const asked = { run_id, query: "q?", user_email: user, config: {}, random_seed: 1, now: NOW };
    const { usage, ...run } = newRun(asked);
    const ended = {
      status: "cancelled",
      current_phase: null,
      completed_at: run.created_at,
    } as const;
    await store.insert({ ...run, ...ended, usage: { ...usage, gpu_cost_usd: usd } });
  }
  const removing = (changed: Partial<RunStore> = {}) =>
    createHousekeeping({
      runs: { ...store, ...changed },
      objects: { list: async function* () {}, remove: async () => undefined },
      batch: {},
      mail: {},
      shares: { forgetSharesOf: async () => [] },
      now: () => NOW + 60_000,
      removeLitter: async () => undefined,
    } as unknown as Parameters<typeof createHousekeeping>[0]);
  const used = async (email = ADA) => (await usedInMonth(store, email, MONTH)).gpu_cost_usd;
  return { store, removing, used };
}

const REACHED = { code: "QUOTA_REACHED" };

test("who deletes runs has no more to spend for it, in any way that runs go", async () => {
  const { store, removing, used } = await spentRuns({ r1: 4, r2: 5, r3: 1.5, free: 0 });
  await expect(checkQuota(store, { user_email: ADA }, CEILINGS, NOW)).rejects.toMatchObject(
    REACHED,
  );
  await removing().remove("r1");
  await removing().remove("free");
  expect((await removing().prune({ most: 1, keepsResults: false })).removed).toHaveLength(1);
  expect(await used()).toBeCloseTo(10.5, 9);
  await expect(checkQuota(store, { user_email: ADA }, CEILINGS, NOW)).rejects.toMatchObject(
    REACHED,
  );
  const left = (await store.get("r3")) === undefined ? "r2" : "r3";
  expect(await overspent(store, left, null, CEILINGS)).toContain("10.50 of 10.00 USD");
  expect(await used("bo@example.org")).toBe(0);
  await checkQuota(store, { user_email: ADA }, CEILINGS, Date.UTC(2026, 11, 1));
});

test("a removal that is refused, or that a crash cuts off, makes nobody spend less or more than once", async () => {
  const { removing, store, used } = await spentRuns({ r1: 4 });
  const busy = removing({ removal: { ...store.removal, remove: async () => "busy" } });
  await expect(busy.remove("r1")).rejects.toMatchObject({ code: "RUN_STATE_FORBIDS" });
  expect(await used()).toBe(4);
  const crash = async (): Promise<never> => {
    throw new Error("gone");
  };
  const crashing = removing({ removal: { ...store.removal, remove: crash } });
  await expect(crashing.remove("r1")).rejects.toThrow("gone");
  expect(await used()).toBe(8);
  await removing().remove("r1");
  expect(await used()).toBe(4);
});

test("removals of one user at the same moment are all counted", async () => {
  const runs = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`r${at}`, 1]));
  const { removing, used } = await spentRuns(runs);
  await Promise.all(Object.keys(runs).map((id) => removing().remove(id)));
  expect(await used()).toBe(12);
});

test.each([[[true, false]], [[false, true]]])(
  "of two who remove a run at the same moment one counts it, in whatever order they tell (%j)",
  async (order) => {
    const { store, used } = await spentRuns({ r1: 4 });
    const { document } = (await store.get("r1"))!;
    const tellEnd = {
      true: await noteRemoval(store, document),
      false: await noteRemoval(store, document),
    };
    await store.removal.remove({ run_id: "r1", keeps_results: false, now: NOW + 60_000 });
    for (const isGone of order) await tellEnd[`${isGone}`](isGone);
    expect(await used()).toBe(4);
  },
);

test("a run whose record another program damaged is removed", async () => {
  const { removing, store, used } = await spentRuns({ r1: 4 });
  const record = (await store.get("r1"))!;
  const damaged = { ...record.document, created_at: "never", usage: undefined as never };
  await removing({ get: async () => ({ ...record, document: damaged }) }).remove("r1");
  expect(await used()).toBe(0);
});
