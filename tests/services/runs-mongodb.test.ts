import { randomUUID } from "node:crypto";
import { MongoClient, ObjectId, type Collection, type Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { cancelledRun, failedRun, TIME } from "../support/expected-runs.ts";
import { hostRuns, POLL_MS, watched } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { runsContract } from "./runs.contract.ts";
import {
  cancelEvent,
  justInserted,
  LEASE_MS,
  leased,
  NOW,
  sampleCommit,
  sampleRun,
} from "./runs-fixtures.ts";
import { quickest } from "../support/quickest.ts";

const queued = (user: string | null) => ({
  owner: "daemon",
  now: NOW,
  lease_ms: LEASE_MS,
  limit: 10,
  queued_of: user,
});

/** What a run becomes that another program inserts by its id, status and a question, "ok?". */
const inserted = (id: string, changes: Partial<RunDocument> = {}): RunDocument => ({
  ...sampleRun(id),
  query: "ok?",
  user_email: null,
  random_seed: expect.any(Number) as number,
  created_at: TIME,
  updated_at: TIME,
  ...changes,
});

/** The record of a run that no daemon has had yet. */
const untouched = (document: RunDocument): RunRecord => ({
  ...justInserted(document.run_id),
  document,
});

describeWithMongodb("run store on MongoDB", () => {
  let server: MongodbServer;
  let outside: MongoClient;
  const databases: string[] = [];
  const freshDatabase = (): string => {
    const name = `haystack_test_${randomUUID().slice(0, 8)}`;
    databases.push(name);
    return name;
  };
  const open = async (): Promise<{ store: RunStore; raw: Collection; database: string }> => {
    const database = freshDatabase();
    const store = await openMongoRuns({ uri: server.uri, database });
    onTestFinished(() => store.close());
    return { store, raw: outside.db(database).collection("runs"), database };
  };

  beforeAll(async () => {
    server = await startMongodb();
    outside = new MongoClient(server.uri);
  });
  afterAll(async () => {
    if (server.own === undefined)
      for (const name of databases) await outside.db(name).dropDatabase();
    await outside.close();
    await server.stop();
  });

  runsContract("MongoDB", () => {
    const database = freshDatabase();
    return Promise.resolve({
      open: () => openMongoRuns({ uri: server.uri, database }),
      setStatus: async (runId, status) =>
        void (await outside
          .db(database)
          .collection("runs")
          .updateOne({ run_id: runId }, { $set: { status } })),
    });
  });

  describe("runs that another program inserts", () => {
    test("a pending run with a few public fields is queued, claimed and committed; the fields of others stay", async () => {
      const { store, raw } = await open();
      await raw.insertOne({
        run_id: "web-1",
        status: "pending",
        query: "T cells and IL-2?",
        user_email: "bo@example.org",
        config: { max_iterations: 2 },
        created_at: new Date(NOW - 9),
        team: "blue",
      });
      const whole = inserted("web-1", {
        query: "T cells and IL-2?",
        user_email: "bo@example.org",
        config: { ...sampleRun("web-1").config, max_iterations: 2 },
        created_at: new Date(NOW - 9).toISOString(),
      });
      expect(await store.get("web-1")).toStrictEqual(untouched(whole));
      expect(await store.deliver("web-1", cancelEvent("e1"))).toBe("stored");
      expect(await store.loads(NOW)).toEqual([
        {
          user_email: "bo@example.org",
          active: 0,
          queued: 1,
          queued_since: new Date(NOW - 9).toISOString(),
        },
      ]);
      const [record] = await store.claim(queued("bo@example.org"));
      expect(record).toStrictEqual({
        ...untouched(whole),
        lease: { ...leased, token: 1 },
        inbox: [cancelEvent("e1")],
      });
      expect(
        await store.commit([
          sampleCommit("web-1", {
            consumed: ["e1"],
            document: sampleRun("web-1", { status: "running" }),
          }),
        ]),
      ).toEqual([{ result: "committed" }]);
      const { snapshot, machine, history } = sampleCommit("web-1");
      expect(await raw.findOne({ run_id: "web-1" })).toStrictEqual({
        ...sampleRun("web-1", { status: "running" }),
        team: "blue",
        _id: expect.any(ObjectId) as ObjectId,
        snapshot,
        machine,
        revision: 1,
        lease: { ...leased, token: 1, claim: expect.any(String) as string },
        wake_at: null,
        attention_at: 0,
        taking_up: 0,
        take_ups: 0,
        committed_status: "running",
        commit_id: expect.any(String) as string,
        inbox: [],
        consumed: ["e1"],
        outbox: [],
        priority: 0,
        history: history.map((entry, place) => ({ ...entry, commit: 0, place })),
      });
    });

    test("an address in capital letters, also of an unusable run, is the user's of that address", async () => {
      const { store, raw } = await open();
      await raw.insertMany([
        { run_id: "web-1", status: "pending", query: "ok?", user_email: "Bo@Example.org" },
        { run_id: "web-2", status: "pending", query: 7, user_email: "BO@example.org" },
      ]);
      expect((await store.get("web-1"))?.document.user_email).toBe("bo@example.org");
      expect(
        (await store.claim(queued("bo@example.org"))).map(({ document }) => document.run_id),
      ).toEqual(["web-1"]);
      expect(
        (await store.list({ user_email: "bo@example.org" })).map(({ run_id }) => run_id).toSorted(),
      ).toEqual(["web-1", "web-2"]);
    });

    test("without run_id the document's own id names the run", async () => {
      const { store, raw } = await open();
      const { insertedIds } = await raw.insertMany([
        { status: "pending", query: "one?" },
        { status: "pending", query: "two?", control_strategy: "query_as_control" },
      ]);
      const claimed = await store.claim(queued(null));
      expect(
        new Map(claimed.map(({ document }) => [document.run_id, document.control_strategy])),
      ).toEqual(
        new Map([
          [String(insertedIds[0]), "synthetic_control"],
          [String(insertedIds[1]), "query_as_control"],
        ]),
      );
    });

    test("unusable values make it a failed run that says why; it is not claimed", async () => {
      const { store, raw } = await open();
      await raw.insertMany([
        {
          run_id: "web-1",
          status: "pending",
          query: "ok?",
          config: { max_iterations: 0, colour: "red" },
        },
        { run_id: "web-2", status: "pending", query: 7 },
      ]);
      expect(await store.claim(queued(null))).toEqual([]);
      for (const [id, field, query] of [
        ["web-1", "max_iterations", "ok?"],
        ["web-2", "query", ""],
      ] as const) {
        const message = expect.stringContaining(field) as string;
        expect(await store.get(id)).toStrictEqual(
          untouched(failedRun(inserted(id, { query }), "CONFIG_INVALID", message)),
        );
      }
    });

    test("one that was cancelled before anybody took it is shown as cancelled and claimed, to be ended", async () => {
      const { store, raw } = await open();
      await raw.insertOne({
        run_id: "web-1",
        status: "cancelled",
        query: "ok?",
        user_email: "bo@example.org",
      });
      expect((await store.get("web-1"))?.document.status).toBe("cancelled");
      expect((await store.list({ status: "cancelled" })).map(({ status }) => status)).toEqual([
        "cancelled",
      ]);
      expect(await store.loads(NOW)).toEqual([]);
      const [record] = await store.claim({
        owner: "daemon",
        now: NOW,
        lease_ms: LEASE_MS,
        limit: 10,
      });
      expect(record).toStrictEqual({
        ...untouched(inserted("web-1", { status: "cancelled", user_email: "bo@example.org" })),
        lease: { ...leased, token: 1 },
      });
      const ended = sampleRun("web-1", { status: "cancelled", termination_reason: "cancelled" });
      expect(
        await store.commit([
          sampleCommit("web-1", {
            expect: { revision: 0, token: 1, status: "cancelled" },
            document: ended,
            attention_at: null,
          }),
        ]),
      ).toEqual([{ result: "committed" }]);
      await store.release([{ run_id: "web-1", token: 1 }]);
      expect(
        await store.claim({ owner: "daemon", now: NOW, lease_ms: LEASE_MS, limit: 10 }),
      ).toEqual([]);
    });

    test("a cancelled one with unusable values has ended: nobody claims it", async () => {
      const { store, raw } = await open();
      await raw.insertOne({ run_id: "web-1", status: "cancelled", query: 7 });
      expect(
        await store.claim({ owner: "daemon", now: NOW, lease_ms: LEASE_MS, limit: 10 }),
      ).toEqual([]);
      expect(await store.get("web-1")).toStrictEqual(
        untouched(cancelledRun(inserted("web-1", { query: "" }))),
      );
    });

    test("a running daemon ends one that was cancelled before any daemon ran, like a run that was cancelled in the queue", async () => {
      const { store: unwatched, raw } = await open();
      const { store, looks } = watched(unwatched);
      const insert = (attempt: number) =>
        raw.insertOne({
          run_id: `web-${attempt}`,
          status: "cancelled",
          query: "ok?",
          user_email: "bo@example.org",
          created_at: new Date().toISOString(),
        });
      await insert(1);
      const { committed, mails } = await hostRuns(
        store,
        scriptedEffects({ now: () => Date.now() }),
      );
      const ended = async (attempt: number): Promise<number> => {
        const [began, { sweeps }] = [
          performance.now(),
          attempt === 1 ? { sweeps: 0 } : { ...looks },
        ];
        if (attempt > 1) await insert(attempt);
        expect(
          await committed(`web-${attempt}`, ({ completed_at }) => completed_at !== null),
        ).toStrictEqual(cancelledRun(inserted(`web-${attempt}`, { user_email: "bo@example.org" })));
        const milliseconds = performance.now() - began;
        expect((looks.sweeps - sweeps) * POLL_MS).toBeLessThan(1_000);
        await committed(`web-${attempt}`, ({ current_phase }) => current_phase === null);
        await expect
          .poll(() => mails.map(({ subject }) => subject))
          .toEqual(Array(attempt).fill("run_cancelled"));
        return milliseconds;
      };
      expect(await quickest(1_000, ended)).toBeLessThan(1_000);
    });
  });

  describe("bounded documents", () => {
    test("the log's tail moves to the archive; entries that a crash left in both places count once", async () => {
      const { store, raw, database } = await open();
      const archive = outside.db(database).collection<Document & { _id: string }>("run_history");
      await store.insert(sampleRun("run-a"), leased);
      for (let revision = 0; revision < 40; revision++)
        await store.commit([
          sampleCommit("run-a", { expect: { revision, token: 1, status: "pending" } }),
        ]);
      const whole = await store.history("run-a");
      expect(whole.map(({ revision }) => revision)).toEqual(
        Array.from({ length: 40 }, (_, index) => index + 1),
      );
      await store.close();
      const tail = ((await raw.findOne({ run_id: "run-a" })) as Document)["history"] as Document[];
      expect(tail.length).toBeLessThan(32);
      await archive.insertOne({
        _id: "left by a crash",
        run_id: "run-a",
        last_commit: 39,
        entries: tail,
      });
      const again = await openMongoRuns({ uri: server.uri, database });
      onTestFinished(() => again.close());
      expect(await again.history("run-a")).toEqual(whole);
    });

    test("of the events that a run consumed the newest thousand are known as duplicates", async () => {
      const { store } = await open();
      await store.insert(sampleRun("run-a"), leased);
      const consumed = Array.from({ length: 1_002 }, (_, index) => `e${index}`);
      for (const [revision, some] of [consumed.slice(0, 600), consumed.slice(600)].entries())
        expect(
          await store.commit([
            sampleCommit("run-a", {
              expect: { revision, token: 1, status: "pending" },
              consumed: some,
            }),
          ]),
        ).toEqual([{ result: "committed" }]);
      expect(await store.deliver("run-a", cancelEvent("e1001"))).toBe("duplicate");
      expect(await store.deliver("run-a", cancelEvent("e2"))).toBe("duplicate");
      expect(await store.deliver("run-a", cancelEvent("e1"))).toBe("stored");
    });

    test("a full inbox refuses further events for now", async () => {
      const { store, raw } = await open();
      await store.insert(sampleRun("run-a"), leased);
      await raw.updateOne(
        { run_id: "run-a" },
        {
          $set: {
            inbox: Array.from({ length: 1_000 }, (_, index) => ({ id: `e${index}`, event: "{}" })),
          },
        },
      );
      expect(await store.deliver("run-a", cancelEvent("e7"))).toBe("duplicate");
      await expect(store.deliver("run-a", cancelEvent("new"))).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
      });
    });

    test.each([
      ["letters", "x", 9_000_000],
      ["letters of three bytes", "細", 3_000_000],
    ])("a state far too large is refused before it is written: %s", async (_, letter, count) => {
      const { store } = await open();
      await store.insert(sampleRun("run-a"), leased);
      await store.insert(sampleRun("run-b"), leased);
      expect(
        await store.commit([
          sampleCommit("run-a", { snapshot: `"${letter.repeat(count)}"` }),
          sampleCommit("run-b"),
        ]),
      ).toEqual([
        { result: "refused", problem: "its state is larger than the store takes" },
        { result: "committed" },
      ]);
      expect((await store.get("run-a"))?.revision).toBe(0);
    });
  });

  describe("trouble", () => {
    test("a database of a later release is refused, and left as it is", async () => {
      const { database } = await open();
      const versions = outside.db(database).collection<Document & { _id: string }>("haystack");
      expect(await versions.find().toArray()).toEqual([{ _id: "runs", version: 1 }]);
      const again = await openMongoRuns({ uri: server.uri, database });
      await again.close();
      await versions.updateOne({ _id: "runs" }, { $set: { version: 2 } });
      await expect(openMongoRuns({ uri: server.uri, database })).rejects.toMatchObject({
        code: "STORE_VERSION_UNKNOWN",
      });
      expect(await versions.find().toArray()).toEqual([{ _id: "runs", version: 2 }]);
    });

    test("a bad address, a server that is not there and indexes that cannot be made refuse to open", async () => {
      await expect(
        openMongoRuns({ uri: "postgres://127.0.0.1", database: "x" }),
      ).rejects.toMatchObject({ code: "CONFIG_INVALID" });
      await expect(
        openMongoRuns({ uri: "mongodb://127.0.0.1:1", database: "x" }),
      ).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      const database = freshDatabase();
      await outside
        .db(database)
        .collection("runs")
        .insertMany([{ run_id: "twice" }, { run_id: "twice" }]);
      await expect(openMongoRuns({ uri: server.uri, database })).rejects.toThrow(/twice|E11000/);
    });

    test("a server killed in the middle of commits has every acknowledged one, and the same store goes on when it is back", async ({
      skip,
    }) => {
      const { own } = server;
      skip(own === undefined, "MONGODB_URI names a server that is not ours to kill");
      const { store, raw } = await open();
      await store.insert(sampleRun("run-a"), leased);
      let acknowledged = 0;
      const commitNext = () =>
        store.commit([
          sampleCommit("run-a", {
            expect: { revision: acknowledged, token: 1, status: "pending" },
            snapshot: `${acknowledged}`,
          }),
        ]);
      while (acknowledged < 20) {
        expect(await commitNext()).toEqual([{ result: "committed" }]);
        acknowledged += 1;
      }
      const uncertain = commitNext().then(
        () => "acknowledged",
        (error: unknown) => (error as { code: string }).code,
      );
      await own?.kill();
      const ended = await uncertain;
      expect(["acknowledged", "STORE_UNAVAILABLE"]).toContain(ended);
      await expect(store.get("run-a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      await own?.restart();
      // The other program's client waits for the server longer than ours.
      await raw.findOne();
      const stands = (await store.get("run-a"))?.revision ?? -1;
      expect(stands).toBeGreaterThanOrEqual(ended === "acknowledged" ? 21 : 20);
      expect(stands).toBeLessThanOrEqual(21);
      acknowledged = stands;
      expect(await commitNext()).toEqual([{ result: "committed" }]);
      expect(await store.history("run-a")).toHaveLength(stands + 1);
    });
  });
});
