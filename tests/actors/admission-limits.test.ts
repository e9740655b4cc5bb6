import { expect, test } from "vitest";
import { createDispatch } from "../../actors/supervisor/dispatch.ts";
import { HaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { hostRuns, run, temporaryStore, watched } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { startTestServer } from "../support/server.ts";

const now = () => Date.now();
const RUNS = ["r1", "r2", "r3", "r4"];
const retry = { id: "retry", event: { type: "retry.requested" } };

/** Effects of which one step fails until it is mended. */
function failingAt(step: string) {
  let broken = true;
  const effects = scriptedEffects({
    now,
    before(effect) {
      if (broken && effect.startsWith(step))
        throw new HaystackError("PREDICTION_INVALID", "scripted");
    },
  });
  return { effects, mend: () => void (broken = false) };
}

/** How many runs were running at the same time at most, by the documents that were committed. */
function crowd() {
  const running = new Map<string, Set<string>>();
  let most = 0;
  return {
    most: () => most,
    onCommitted({ run_id, user_email, status }: RunDocument) {
      const ofUser = running.get(user_email ?? "") ?? new Set();
      running.set(user_email ?? "", ofUser);
      if (status === "running") ofUser.add(run_id);
      else ofUser.delete(run_id);
      most = Math.max(most, ofUser.size);
    },
  };
}

const failed = async (store: RunStore): Promise<number> =>
  (await store.list({ status: "failed" })).length;

test.each([
  ["for all", { maxActive: 1, maxActivePerUser: 100 }],
  ["for a user", { maxActive: 100, maxActivePerUser: 1 }],
])(
  "runs that are retried wait for admission like new ones: the limit %s holds, and each goes on where it failed",
  async (_, limits) => {
    const store = await temporaryStore();
    const { effects, mend } = failingAt("evaluate");
    const { most, onCommitted } = crowd();
    const { supervisor, committed } = await hostRuns(store, effects, { limits, onCommitted });
    for (const id of RUNS) await store.insert(run(id));
    await expect.poll(() => failed(store)).toBe(RUNS.length);
    mend();
    const before = effects.done.length;
    for (const id of RUNS) await supervisor.deliver(id, retry);
    await Promise.all(RUNS.map((id) => committed(id, ({ status }) => status === "completed")));
    expect(most()).toBe(1);
    expect(effects.done.slice(before).toSorted()).toEqual([
      ...RUNS.map(() => "evaluate:1"),
      ...RUNS.map(() => "output:1"),
    ]);
  },
);

test("a daemon looks for runs to admit once at a time, also when its first look takes long: two looks would both fill the free places", async () => {
  const { looks, store } = watched(await temporaryStore());
  let looking = 0;
  let most = 0;
  const loads: RunStore["loads"] = async (at) => {
    most = Math.max(most, (looking += 1));
    const until = looks.polls + 5;
    await expect.poll(() => looks.polls).toBeGreaterThan(until);
    looking -= 1;
    return store.loads(at);
  };
  await hostRuns({ ...store, loads }, scriptedEffects({ now }));
  await expect.poll(() => looks.sweeps).toBeGreaterThan(1);
  expect(most).toBe(1);
});

test("a process for given runs admits a retried one by its own limit", async () => {
  const store = await temporaryStore();
  const { effects, mend } = failingAt("output");
  const daemon = await hostRuns(store, effects, { owner: "daemon" });
  await daemon.supervisor.submit(run("r1"));
  await daemon.committed("r1", ({ status }) => status === "failed");
  await daemon.supervisor.stop();
  mend();
  await store.deliver("r1", retry);
  const { supervisor } = await hostRuns(store, effects, { owner: "given", sweeps: false });
  const settled = supervisor.settled("r1");
  await supervisor.adopt("r1");
  expect(await settled).toMatchObject({ status: "completed" });
});

test("as many runs are admitted as there may be GPU jobs, for all and for a user", async () => {
  const server = await startTestServer({
    env: {
      MAX_ACTIVE_RUNS: "50",
      MAX_ACTIVE_RUNS_PER_USER: "20",
      MAX_GPU_JOBS: "7",
      MAX_GPU_JOBS_PER_USER: "2",
    },
  });
  expect(server.daemon.supervisor.status().limits).toEqual({ maxActive: 7, maxActivePerUser: 2 });
});

test("a run that is retried becomes a job of its own when it is admitted, not before", async () => {
  const store = await temporaryStore();
  const submitted: string[] = [];
  const runJobs = {
    submit: async ({ job_id }: { job_id: string }) => (submitted.push(job_id), "RUNNING" as const),
    cancel: async () => undefined,
    close: async () => undefined,
  };
  const dispatch = createDispatch({
    runs: store,
    runJobs,
    clock: systemClock,
    watchMs: 1_000_000,
    maxJobs: 5,
    onTrouble: () => undefined,
  });
  const { effects } = failingAt("output");
  const one = await hostRuns(store, effects, { owner: "one" });
  await one.supervisor.submit(run("r1"));
  await one.committed("r1", ({ status }) => status === "failed");
  await one.supervisor.stop();
  const limits = { maxActive: 0, maxActivePerUser: 1 };
  const { supervisor, committed } = await hostRuns(store, effects, {
    owner: "two",
    dispatch,
    limits,
  });
  await supervisor.deliver("r1", retry);
  await committed("r1", ({ status }) => status === "pending");
  await expect.poll(() => supervisor.hosted()).toEqual([]);
  expect(submitted).toEqual([]);
  limits.maxActive = 1;
  await expect.poll(() => submitted).toEqual(["hs-r1-run-1"]);
});
