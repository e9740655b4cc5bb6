import { randomUUID } from "node:crypto";
import { MongoClient, type Document } from "mongodb";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { newClient } from "../../services/runs/mongodb/client.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { startReplicaSet } from "../support/replica-set.ts";
import { sampleRun } from "./runs-fixtures.ts";

describeWithMongodb("how a process begins to use MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  const freshName = (): string => `haystack_test_${randomUUID().slice(0, 8)}`;

  test("an index that takes longer to build than any operation may is waited for, and said", async () => {
    const database = freshName();
    const raw = new MongoClient(server.uri);
    onTestFinished(() => raw.close());
    await raw.db(database).collection("runs").insertOne({ run_id: "r1" });

    const built = Promise.withResolvers<void>();
    const silent = new Promise<never>(() => undefined);
    const set = await startReplicaSet(server.uri, {
      onCommand: ({ createIndexes, count }: Document) =>
        createIndexes === "runs" ? built.promise : count === "silent" ? silent : undefined,
    });
    onTestFinished(() => set.stop());
    const notices: string[] = [];
    const limits = { operationMs: 3_000 };
    const opening = openMongoRuns({
      uri: set.uri,
      database,
      ...limits,
      onNotice: (sentence) => notices.push(sentence),
    });
    await expect.poll(() => notices, { timeout: 30_000 }).toHaveLength(1);
    // A client that is as patient with an ordinary operation gives up in the meantime.
    const other = newClient(set.uri, limits);
    onTestFinished(() => other.close());
    await expect(other.db(database).command({ count: "silent" })).rejects.toThrow(/timed out/);
    built.resolve();
    const store = await opening;
    onTestFinished(() => store.close());
    expect(await store.get("r1")).toBeDefined();
    expect(notices).toEqual([
      expect.stringMatching(
        /^MongoDB makes the indexes run_id, claim, .* of 1 documents in haystack_test_\w+\.runs; .*\.$/,
      ),
    ]);
    const again = await openMongoRuns({
      uri: server.uri,
      database,
      onNotice: (sentence) => notices.push(sentence),
    });
    onTestFinished(() => again.close());
    expect(notices).toHaveLength(1);
  });

  test("a process of one run has few connections, and follows no change stream", async () => {
    const open = async (fewConnections: boolean) => {
      const set = await startReplicaSet(server.uri);
      onTestFinished(() => set.stop());
      const store = await openMongoRuns({ uri: set.uri, database: freshName(), fewConnections });
      onTestFinished(() => store.close());
      const end = store.hints?.(() => undefined);
      onTestFinished(() => end?.());
      await store.insert(sampleRun("r1"));
      let most = 0;
      for (let round = 0; round < 5; round++) {
        const asked = Array.from({ length: 50 }, () => store.get("r1"));
        for (const one of asked) {
          await one;
          most = Math.max(most, set.connections());
        }
      }
      return { most, asked: set.asked() };
    };
    const few = await open(true);
    expect(few.asked).toBe(0);
    expect(few.most).toBeLessThanOrEqual(3);
    const many = await open(false);
    expect(many.most).toBeGreaterThan(few.most);
  });

  test("what users have under way is counted in an index alone", async () => {
    const commands: Document[] = [];
    const set = await startReplicaSet(server.uri, {
      onCommand: (command) => void commands.push(command),
    });
    onTestFinished(() => set.stop());
    const database = freshName();
    const store = await openMongoRuns({ uri: set.uri, database });
    onTestFinished(() => store.close());
    await store.loads(Date.now());
    const pipeline = commands.find(({ aggregate }) => aggregate === "runs")?.["pipeline"] as
      | Document[]
      | undefined;
    const [match, group] = pipeline ?? [];
    const client = new MongoClient(server.uri);
    onTestFinished(() => client.close());
    const indexes = await client.db(database).collection("runs").indexes();
    const { key = {} } = indexes.find(({ name }) => name === "loads") ?? {};
    // A path is a value; operators are keys.
    const read = [...JSON.stringify(group).matchAll(/"\$([a-z_.]+)"(?!:)/g)].map(
      ([, path]) => path,
    );
    expect(new Set(read)).toEqual(new Set(Object.keys(key)));
    expect(match).toEqual({ $match: { status: { $in: ["pending", "running"] } } });
  });
});
