import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SupervisorOptions } from "../../actors/supervisor/supervisor.ts";
import { cancelledRun, completedRun, failedRun, runningRun } from "../support/expected-runs.ts";
import {
  hostRuns,
  POLL_MS,
  released,
  run,
  skippingClock,
  watched,
} from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { quickest } from "../support/quickest.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { sharedMongodb, sharedSqlite as shared, type SharedRuns } from "../support/shared-runs.ts";

const NOTICED_WITHIN_MS = 1_000;
const LEASE_MS = 3_600_000;

/** A run that was cancelled while its jobs ran. */
const ofInference = (id: string, strategy: "synthetic_control" | "query_as_control") =>
  cancelledRun(runningRun(run(id), "inference", { strategy }));

// By the clock the shortest of some tries counts, as a machine may be busy; by the daemon's own
// looks each does, as one may be lucky.

function noticedWithinASecond(open: () => Promise<SharedRuns>): void {
  test("a run inserted as pending by another program is picked up within a second", async () => {
    const { store: unwatched, insert } = await open();
    const { store, looks } = watched(unwatched);
    const { committed } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }));
    const pickedUp = async (attempt: number): Promise<number> => {
      const [inserted, { sweeps }] = [performance.now(), { ...looks }];
      await insert(run(`r${attempt}`));
      await committed(`r${attempt}`, ({ status }) => status === "running");
      expect((looks.sweeps - sweeps) * POLL_MS).toBeLessThan(NOTICED_WITHIN_MS);
      return performance.now() - inserted;
    };
    expect(await quickest(NOTICED_WITHIN_MS, pickedUp)).toBeLessThan(NOTICED_WITHIN_MS);
  });

  test("a run set to cancelled by another program is cancelled within a second, its jobs too", async () => {
    const { store: unwatched, setStatus } = await open();
    const { store, looks } = watched(unwatched);
    const effects = scriptedEffects({ now: () => Date.now(), jobState: "RUNNING" });
    const { supervisor, committed } = await hostRuns(store, effects);
    const cancelledAt = async (attempt: number): Promise<number> => {
      const id = `r${attempt}`;
      const settled = supervisor.settled(id);
      await supervisor.submit(run(id));
      const waiting = new Set<string>();
      await committed(id, (_, entries) => {
        for (const { actor, from, to } of entries)
          if (from === "checking" && to === "awaiting") waiting.add(actor);
        return waiting.size === 2;
      });
      const [changed, { polls }] = [performance.now(), { ...looks }];
      await setStatus(id, "cancelled");
      await committed(id, (_, entries) => entries.some(({ to }) => to === "cancelling"));
      const milliseconds = performance.now() - changed;
      expect((looks.polls - polls) * POLL_MS).toBeLessThan(NOTICED_WITHIN_MS);
      expect(await settled).toStrictEqual(ofInference(id, "synthetic_control"));
      return milliseconds;
    };
    expect(await quickest(NOTICED_WITHIN_MS, cancelledAt)).toBeLessThan(NOTICED_WITHIN_MS);
    expect(effects.jobs.size).toBeGreaterThan(0);
    expect(new Set(effects.jobs.values())).toEqual(new Set(["CANCELLED"]));
  });
}

describe("on SQLite", () => {
  noticedWithinASecond(shared);
});

describeWithMongodb("on MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  noticedWithinASecond(() => sharedMongodb(server.uri));
});

const NO_USAGE = { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 };
const isSubmitted = ({ state }: { readonly state: string }): boolean => state === "submitted";

test.each([true, false])(
  "a cancellation from outside in the moment in which the run breaks stands, and stops its jobs (a daemon: %s)",
  async (sweeps) => {
    const { store, setStatus } = await shared();
    const effects = scriptedEffects({
      now: () => Date.now(),
      jobState: "RUNNING",
      strategy: "query_as_control",
    });
    let isFaulty = true;
    const usage: SupervisorOptions["usage"] = ({ jobs }) => {
      if (isFaulty && jobs.some(isSubmitted)) {
        isFaulty = false;
        setStatus("r1", "cancelled");
        throw new Error("a fault of ours");
      }
      return NO_USAGE;
    };
    const { supervisor, troubles } = await hostRuns(store, effects, { usage, sweeps });
    const settled = supervisor.settled("r1");
    await supervisor.submit(run("r1"));
    expect(await settled).toStrictEqual(ofInference("r1", "query_as_control"));
    expect([...effects.jobs.values()]).toEqual(["CANCELLED"]);
    expect(troubles.map(({ code }) => code)).toEqual(["INTERNAL"]);
  },
);

test("a cancellation from outside of a broken run whose mail is under way stands, and stops its jobs", async () => {
  const { store, setStatus } = await shared();
  const effects = scriptedEffects({
    now: () => Date.now(),
    jobState: "RUNNING",
    strategy: "query_as_control",
  });
  let isFaulty = true;
  const usage: SupervisorOptions["usage"] = ({ jobs }) => {
    if (isFaulty && jobs.some(isSubmitted)) throw new Error("a fault of ours");
    return NO_USAGE;
  };
  const delivery = Promise.withResolvers<void>();
  const { supervisor, committed } = await hostRuns(store, effects, {
    usage,
    mail: { send: () => delivery.promise, close: () => Promise.resolve() },
  });
  await supervisor.submit(run("r1"));
  await committed("r1", ({ status }) => status === "failed");
  isFaulty = false;
  setStatus("r1", "cancelled");
  expect(
    await committed(
      "r1",
      ({ status, current_phase }) => status === "cancelled" && current_phase === null,
    ),
  ).toStrictEqual(ofInference("r1", "query_as_control"));
  expect([...effects.jobs.values()]).toEqual(["CANCELLED"]);
  delivery.resolve();
});

test("a cancellation from outside while nobody hosts the run is honoured by the next host", async () => {
  const { store, setStatus } = await shared();
  await store.insert(run("r1"));
  setStatus("r1", "cancelled");
  const { committed } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }));
  expect(await committed("r1", ({ current_phase }) => current_phase === null)).toStrictEqual(
    cancelledRun(run("r1")),
  );
});

test("a status that another program puts on a finished run does not stand", async () => {
  const { store, setStatus } = await shared();
  const { supervisor, committed } = await hostRuns(
    store,
    scriptedEffects({ now: () => Date.now() }),
  );
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  const { updated_at } = await settled;
  setStatus("r1", "cancelled");
  expect(await committed("r1", (document) => document.updated_at > updated_at)).toStrictEqual(
    completedRun(run("r1")),
  );
});

test("a run whose id cannot name jobs fails with a plain sentence", async () => {
  const { store } = await shared();
  const { committed } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }));
  await store.insert(run("Not A Run Id"));
  expect(await committed("Not A Run Id", ({ status }) => status === "failed")).toStrictEqual(
    failedRun(
      run("Not A Run Id"),
      "USAGE",
      "The run id Not A Run Id cannot be used in job names; use at most 44 lower-case letters, digits and inner hyphens.",
    ),
  );
});

test("a snapshot of an unknown machine version that no other daemon takes for a lease's time is parked as failed and kept as it is", async () => {
  const { store, looks } = watched((await shared()).store);
  await store.insert(run("r1"), { owner: "writer", expires_at: Date.now() + 60_000 });
  const document = {
    ...run("r1"),
    status: "running" as const,
    current_phase: "inference" as const,
  };
  const commit = {
    run_id: "r1",
    expect: { revision: 0, token: 1, status: "pending" as const },
    document,
    snapshot: '{"value":"dreaming"}',
    machine: { id: "run", version: "0" },
    wake_at: null,
    attention_at: 0,
    consumed: [],
    outbox: [],
    history: [],
  };
  await store.commit([commit]);
  await store.takeOver("writer");
  const clock = skippingClock();
  const { committed, mails, supervisor } = await hostRuns(
    store,
    scriptedEffects({ now: () => Date.now() }),
    { clock, leaseMs: LEASE_MS },
  );
  await expect.poll(() => looks.sweeps).toBeGreaterThan(1);
  expect(supervisor.hosted()).toEqual([]);
  clock.skip(LEASE_MS);
  const shown = failedRun(
    document,
    "MACHINE_VERSION_UNKNOWN",
    "Run r1 was written by version 0 of the machine, which this release cannot read; run the release that wrote it.",
  );
  expect(await committed("r1", ({ status }) => status === "failed")).toStrictEqual(shown);
  await expect.poll(() => mails.map(({ subject }) => subject)).toEqual(["run_failed"]);
  await released(store, "r1");
  expect(supervisor.hosted()).toEqual([]);
  const { snapshot, machine } = commit;
  expect(await store.get("r1")).toStrictEqual({
    document: shown,
    snapshot,
    machine,
    revision: expect.any(Number) as number,
    lease: null,
    wake_at: null,
    inbox: [],
    outbox: [
      {
        key: "r1.run_failed.at-1",
        kind: "run_failed",
        state: "sent",
        attempts: 1,
        due_at: expect.any(Number) as number,
        owed_since: expect.any(Number) as number,
        problem: null,
      },
    ],
    priority: 0,
  });
});
