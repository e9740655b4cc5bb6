import { expect, test } from "vitest";
import { spendingSince } from "../../actors/spending.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { run, temporaryStore } from "../support/hosted-runs.ts";

const SPOT = { machine: "a2-highgpu-1g", provisioning: "SPOT", usd_per_hour: 1 };
const STANDARD = { ...SPOT, provisioning: "STANDARD" };

interface Past {
  readonly day: string;
  readonly user: string | null;
  readonly jobs: readonly (readonly [offer: object | null, cost_usd: number])[];
  /** Beside what the jobs on record tell. */
  readonly more?: number;
  readonly model?: number;
}

const PAST: readonly Past[] = [
  {
    day: "2026-02-01",
    user: "ada@example.org",
    jobs: [
      [SPOT, 1],
      [STANDARD, 2.5],
    ],
    model: 0.25,
  },
  { day: "2026-02-01", user: "bo@example.org", jobs: [[SPOT, 0.5]] },
  { day: "2026-02-03", user: "ada@example.org", jobs: [[null, 0]], more: 4 },
  { day: "2026-02-02", user: null, jobs: [], model: 0.125 },
  { day: "2026-02-02", user: "ada@example.org", jobs: [] },
  { day: "2026-01-01", user: "ada@example.org", jobs: [[SPOT, 100]] },
];

/** A store with these runs; a snapshot is what a host would have left. */
async function storeOf(past: readonly Past[]) {
  const store = await temporaryStore();
  const snapshots = new Map<string, string>();
  for (const [place, { day, user, jobs, more = 0, model = 0 }] of past.entries()) {
    const run_id = `r${place}`;
    const at = `${day}T10:00:00.000Z`;
    await store.insert({
      ...run(run_id),
      user_email: user,
      status: "completed",
      current_phase: null,
      created_at: at,
      updated_at: at,
      usage: {
        gpu_seconds: 0,
        gpu_cost_usd: jobs.reduce((total, [, cost]) => total + cost, more),
        llm_tokens: 0,
        llm_cost_usd: model,
      },
    });
    snapshots.set(
      run_id,
      JSON.stringify({
        context: { jobs: jobs.map(([offer, cost_usd]) => ({ offer, cost_usd })) },
      }),
    );
  }
  return {
    list: store.list,
    get: async (runId: string): Promise<RunRecord | undefined> => {
      const record = await store.get(runId);
      return record && { ...record, snapshot: snapshots.get(runId) ?? null };
    },
  };
}

const SINCE = "2026-02-01T00:00:00.000Z";

test("money is told by day, user and offer, each of which adds up to the same", async () => {
  const spending = await spendingSince(await storeOf(PAST), SINCE);
  expect(spending).toEqual({
    by_day: [
      { day: "2026-02-01", runs: 2, usd: 4.25 },
      { day: "2026-02-02", runs: 1, usd: 0.125 },
      { day: "2026-02-03", runs: 1, usd: 4 },
    ],
    by_user: [
      { user_email: "ada@example.org", runs: 2, usd: 7.75 },
      { user_email: "bo@example.org", runs: 1, usd: 0.5 },
      { user_email: null, runs: 1, usd: 0.125 },
    ],
    by_offer: [
      { offer: "not on record", runs: 1, usd: 4 },
      { offer: "a2-highgpu-1g (STANDARD)", runs: 1, usd: 2.5 },
      { offer: "a2-highgpu-1g (SPOT)", runs: 2, usd: 1.5 },
      { offer: "language model", runs: 2, usd: 0.375 },
    ],
    is_whole: true,
  });
});

test("where there are more runs than are looked at, the newest count, and it is said", async () => {
  const runs = await storeOf(PAST);
  expect(await spendingSince(runs, SINCE, 4)).toMatchObject({ is_whole: false });
  expect(await spendingSince(runs, SINCE, 5)).toMatchObject({ is_whole: true });
  expect((await spendingSince(runs, SINCE, 1)).by_day).toEqual([
    { day: "2026-02-03", runs: 1, usd: 4 },
  ]);
});

test("nothing spent is nothing told", async () => {
  expect(await spendingSince(await storeOf([]), SINCE)).toEqual({
    by_day: [],
    by_user: [],
    by_offer: [],
    is_whole: true,
  });
});

test("amounts of another program that come to more than a number can be are told as numbers", async () => {
  const huge = { day: "2026-02-01", user: null, jobs: [], more: 1e308, model: 1e308 };
  const { by_day, by_user, by_offer } = await spendingSince(await storeOf([huge, huge]), SINCE);
  for (const { usd } of [...by_day, ...by_user, ...by_offer]) expect(usd).toBeLessThan(Infinity);
});
