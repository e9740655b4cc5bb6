import { randomUUID } from "node:crypto";
import { MongoClient, type Document } from "mongodb";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { hostRuns, run } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { startReplicaSet } from "../support/replica-set.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { cancelEvent } from "./runs-fixtures.ts";

/** The filters of a command; those of change streams are the server's business. */
function filtersOf(command: Document): readonly Document[] {
  const { find, update, findAndModify, aggregate, filter, updates, query, pipeline } = command;
  const { deletes } = command as { readonly deletes?: readonly { readonly q: Document }[] };
  if (find !== undefined) return [filter as Document];
  if (findAndModify !== undefined) return [query as Document];
  if (update !== undefined) return (updates as { q: Document }[]).map(({ q }) => q);
  if (deletes !== undefined) return deletes.map(({ q }) => q);
  const match = (pipeline as Document[] | undefined)?.[0]?.["$match"] as Document | undefined;
  return aggregate === undefined || match === undefined ? [] : [match];
}

/** Every branch of an `$or` needs an index of its own, unless the fields beside it have one. */
function isBacked(filter: Document, leading: ReadonlySet<string>): boolean {
  if (Object.keys(filter).some((field) => leading.has(field))) return true;
  return (
    Array.isArray(filter["$or"]) &&
    (filter["$or"] as Document[]).every((branch) => isBacked(branch, leading))
  );
}

const COLLECTIONS = ["daemons", "haystack", "runs", "run_history", "run_journal", "run_removals"];

describeWithMongodb("indexes", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  /**
   * The servers of the registries use no secondary index, so growth cannot be measured on them: the
   * filters themselves are held against the indexes.
   */
  test("every query of the daemon begins with the first field of an index made at the start", async () => {
    const commands: Document[] = [];
    const set = await startReplicaSet(server.uri, {
      onCommand: (command) => void commands.push(command),
    });
    onTestFinished(() => set.stop());
    const database = `haystack_test_${randomUUID().slice(0, 8)}`;
    const store = await openMongoRuns({ uri: set.uri, database });
    onTestFinished(() => store.close());
    const client = new MongoClient(server.uri);
    onTestFinished(() => client.close());

    const { supervisor, committed } = await hostRuns(
      store,
      scriptedEffects({ now: () => Date.now() }),
    );
    const settled = supervisor.settled("r1");
    await supervisor.submit(run("r1"));
    expect(await settled).toMatchObject({ status: "completed" });
    await store.insert(run("r2"));
    await client
      .db(database)
      .collection("runs")
      .insertOne({ run_id: "r3", status: "pending", query: "ok?" });
    for (const id of ["r2", "r3"]) await committed(id, ({ status }) => status === "completed");
    await supervisor.stop();
    await store.deliver("r1", cancelEvent("late"));
    await store.claim({ owner: "other", now: Date.now(), lease_ms: 1_000, limit: 5, run_id: "r1" });
    await store.renew("other", [{ run_id: "r1", token: 2 }], Date.now());
    await store.takeOver("other");
    await store.setPriority("r1", 1);
    await store.stuck({ before: Date.now(), limit: 5 });
    await store.mails({ state: "rejected", limit: 5 });
    await store.counts(Date.now());
    await store.list({ status: "completed" });
    await store.list({ user_email: "user@example.org" });
    await store.changes([{ run_id: "r1", revision: 0 }]);
    await store.history("r1");
    await store.journalPut("r1", "key", 1);
    const { removal } = store;
    await removal.ended({ ended_before: "2100", unpruned: true, limit: 5 });
    expect(await removal.remove({ run_id: "r2", keeps_results: false, now: Date.now() })).toBe(
      "removed",
    );
    await removal.cleared("r2");

    const asked = commands.flatMap((command) => {
      const collection = String(Object.values(command)[0]);
      return filtersOf(command).map((filter) => ({ collection, filter }));
    });
    expect(new Set(asked.map(({ collection }) => collection))).toEqual(new Set(COLLECTIONS));
    for (const collection of COLLECTIONS) {
      const indexes = await client.db(database).collection(collection).indexes();
      const leading = new Set(indexes.map(({ key }) => Object.keys(key)[0] ?? ""));
      const filters = asked
        .filter((one) => one.collection === collection)
        .map(({ filter }) => filter);
      expect(filters.length).toBeGreaterThan(0);
      expect(filters.filter((filter) => !isBacked(filter, leading))).toEqual([]);
    }
  });
});
