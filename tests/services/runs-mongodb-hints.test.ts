import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { cancelledRun, completedRun, runningRun, TIME } from "../support/expected-runs.ts";
import { hostRuns, run, watched } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { startReplicaSet } from "../support/replica-set.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { cancelEvent, LEASE_MS, leased, NOW, sampleCommit, sampleRun } from "./runs-fixtures.ts";

/** Looks of a daemon that come by themselves are so far apart that only a hint explains one. */
const NEVER_MS = 3_600_000;

/** What a run becomes that another program inserts by its id, status and question alone. */
const inserted = (id: string): RunDocument => ({
  ...newRun({
    run_id: id,
    query: "B cells and IFN-beta?",
    user_email: null,
    config: {},
    random_seed: 1,
    now: 0,
  }),
  random_seed: expect.any(Number) as number,
  created_at: TIME,
});

describeWithMongodb("hints from a change stream", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  /** A replica set, a store on it, and the collection as another program has it. */
  const open = async (options: Parameters<typeof startReplicaSet>[1] = {}) => {
    const set = await startReplicaSet(server.uri, options);
    onTestFinished(() => set.stop());
    const database = `haystack_test_${randomUUID().slice(0, 8)}`;
    const store = await openMongoRuns({ uri: set.uri, database });
    onTestFinished(() => store.close());
    const other = new MongoClient(set.uri);
    onTestFinished(() => other.close());
    return { set, store, raw: other.db(database).collection("runs") };
  };

  /** Counts the hints once the stream is open. */
  const hinted = async ({ set, store }: Awaited<ReturnType<typeof open>>) => {
    let hints = 0;
    const end = store.hints?.(() => (hints += 1));
    onTestFinished(() => end?.());
    await expect.poll(() => hints).toBe(1);
    expect(set.streams()).toBe(1);
    return { end, hints: () => hints - 1 };
  };

  test("another program's run, event and status hint; commits, leases and the log of hosts do not", async () => {
    const parts = await open();
    const { store, raw } = parts;
    const { hints } = await hinted(parts);
    const hint = async (count: number, work: () => Promise<unknown>): Promise<void> => {
      await work();
      await expect.poll(hints).toBe(count);
    };
    await store.insert(sampleRun("run-a"), leased);
    for (let revision = 0; revision < 33; revision++)
      await store.commit([
        sampleCommit("run-a", {
          expect: { revision, token: 1, status: "pending" },
          document: sampleRun("run-a"),
        }),
      ]);
    await store.renew("daemon", [{ run_id: "run-a", token: 1 }], NOW + 2 * LEASE_MS);
    await hint(1, () => store.deliver("run-a", cancelEvent("e1")));
    await store.commit([
      sampleCommit("run-a", {
        expect: { revision: 33, token: 1, status: "pending" },
        consumed: ["e1"],
        document: sampleRun("run-a", { status: "running" }),
      }),
    ]);
    await store.release([{ run_id: "run-a", token: 1 }]);
    expect(
      await store.claim({
        owner: "daemon",
        now: NOW,
        lease_ms: LEASE_MS,
        limit: 1,
        run_id: "run-a",
      }),
    ).toHaveLength(1);
    await hint(2, () => store.deliver("run-a", cancelEvent("e2")));
    await hint(3, () => store.deliver("run-a", cancelEvent("e3")));
    await hint(4, () => raw.updateOne({ run_id: "run-a" }, { $set: { status: "cancelled" } }));
    await hint(5, () => raw.insertOne({ run_id: "web-1", status: "pending", query: "ok?" }));
    await store.claim({ owner: "daemon", now: NOW, lease_ms: LEASE_MS, limit: 1, queued_of: null });
    await hint(6, () => store.insert(sampleRun("run-b")));
  });

  test("a daemon takes up a run, and cancels one, long before it would have looked", async () => {
    const { set, store: unwatched, raw } = await open();
    const { store, looks } = watched(unwatched);
    const effects = scriptedEffects({
      now: () => Date.now(),
      jobState: "RUNNING",
      strategy: "query_as_control",
    });
    const { supervisor, committed } = await hostRuns(store, effects, { pollMs: NEVER_MS });
    await expect.poll(() => set.streams()).toBe(1);
    await raw.insertOne({ run_id: "web-1", status: "pending", query: "B cells and IFN-beta?" });
    await committed("web-1", (_, entries) =>
      entries.some(({ from, to }) => from === "checking" && to === "awaiting"),
    );
    const settled = supervisor.settled("web-1");
    await raw.updateOne({ run_id: "web-1" }, { $set: { status: "cancelled" } });
    expect(await settled).toStrictEqual(
      cancelledRun(runningRun(inserted("web-1"), "inference", { strategy: "query_as_control" })),
    );
    expect([...effects.jobs.values()]).toEqual(["CANCELLED"]);
    expect(looks.polls).toBeLessThan(20);
  });

  test("an event that another daemon has stored reaches its run by a hint", async () => {
    const { set, store } = await open();
    const effects = scriptedEffects({
      now: () => Date.now(),
      jobState: "RUNNING",
      strategy: "query_as_control",
    });
    const { supervisor, committed } = await hostRuns(store, effects, { pollMs: NEVER_MS });
    await expect.poll(() => set.streams()).toBe(1);
    await supervisor.submit(run("r1"));
    await committed("r1", (_, entries) =>
      entries.some(({ from, to }) => from === "checking" && to === "awaiting"),
    );
    const settled = supervisor.settled("r1");
    expect(await store.deliver("r1", { id: "stop", event: { type: "cancel.requested" } })).toBe(
      "stored",
    );
    expect(await settled).toStrictEqual(
      cancelledRun(runningRun(run("r1"), "inference", { strategy: "query_as_control" })),
    );
  });

  test("a stream that breaks is opened again, and what happened meanwhile is looked for", async () => {
    const parts = await open();
    const { set, raw } = parts;
    const { hints } = await hinted(parts);
    set.breakStreams();
    await expect.poll(hints).toBe(1);
    expect(set.asked()).toBe(2);
    await raw.insertOne({ run_id: "web-1", status: "pending", query: "ok?" });
    await expect.poll(hints).toBe(2);
  });

  test("where streams are refused, looking now and then finds everything; they are asked for ever more rarely", async () => {
    const { set, store, raw } = await open();
    set.refuseStreams(true);
    const { committed, troubles } = await hostRuns(
      store,
      scriptedEffects({ now: () => Date.now() }),
    );
    await expect.poll(() => set.asked()).toBeGreaterThan(1);
    await raw.insertOne({ run_id: "web-1", status: "pending", query: "B cells and IFN-beta?" });
    expect(await committed("web-1", ({ status }) => status === "completed")).toStrictEqual(
      completedRun(inserted("web-1")),
    );
    expect(troubles).toEqual([]);
    set.refuseStreams(false);
    await expect.poll(() => set.streams()).toBe(1);
  });

  test("a single server is not asked for a stream", async () => {
    const { set, store } = await open({ isSingle: true });
    const { committed } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }));
    await store.insert(run("r1"));
    expect(await committed("r1", ({ status }) => status === "completed")).toStrictEqual(
      completedRun(run("r1")),
    );
    expect(set.asked()).toBe(0);
  });

  test("a closed store leaves neither stream nor connection behind", async () => {
    const { set, store, raw } = await open();
    await raw.findOne();
    const others = set.connections();
    const { end } = await hinted({ set, store, raw });
    end?.();
    await expect.poll(() => set.streams()).toBe(0);
    store.hints?.(() => undefined);
    await expect.poll(() => set.streams()).toBe(1);
    await store.close();
    await expect.poll(() => set.streams()).toBe(0);
    await expect.poll(() => set.connections()).toBeLessThan(others);
  });
});
