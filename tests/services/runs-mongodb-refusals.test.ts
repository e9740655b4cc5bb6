import { randomUUID } from "node:crypto";
import { type Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createGroupCommit } from "../../actors/host/group-commit.ts";
import type { HaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { CommitOutcome } from "../../services/runs/index.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { startReplicaSet } from "../support/replica-set.ts";
import { leased, onceCommitted, sampleCommit, sampleRun } from "./runs-fixtures.ts";

interface Update {
  readonly q: { readonly run_id?: string; readonly _id?: string };
  readonly u: { readonly $set?: object };
}

interface Refusal {
  readonly code: number;
  readonly errmsg: string;
}

const TOO_LARGE: Refusal = {
  code: 17_419,
  errmsg: "Resulting document after update is larger than 16777216",
};

describeWithMongodb("what a server answers to a write", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  /** Updates of runs for which `refusalOf` has one are answered with it, in the form of a server. */
  const open = async (refusalOf: (runId: string, change: object) => Refusal | undefined) => {
    const answerInstead = (command: Document): Document | undefined => {
      if (command["update"] !== "runs") return undefined;
      const updates = command["updates"] as Update[];
      const writeErrors = updates.flatMap(({ q, u }, index) => {
        const refusal = refusalOf(q.run_id ?? q._id ?? "", u.$set ?? {});
        return refusal === undefined ? [] : [{ index, ...refusal }];
      });
      return writeErrors.length === 0 ? undefined : { ok: 1, n: 0, nModified: 0, writeErrors };
    };
    const set = await startReplicaSet(server.uri, { answerInstead });
    onTestFinished(() => set.stop());
    const database = `haystack_test_${randomUUID().slice(0, 8)}`;
    const store = await openMongoRuns({ uri: set.uri, database });
    onTestFinished(() => store.close());
    const other = new MongoClient(set.uri);
    onTestFinished(() => other.close());
    const raw = other.db(database).collection<{ readonly _id: string }>("runs");
    for (const id of ["run-a", "run-b"]) await store.insert(sampleRun(id), leased);
    const troubles: HaystackError[] = [];
    const groupCommit = createGroupCommit(store, systemClock, (error) => troubles.push(error));
    onTestFinished(() => groupCommit.close());
    const commit = (id: string): Promise<CommitOutcome> =>
      new Promise((settle) =>
        groupCommit.request({
          take: () => sampleCommit(id, { consumed: ["e1"] }),
          settle: (_, outcome) => settle(outcome),
        }),
      );
    return { store, raw, troubles, commit };
  };

  test("a run that has become too large for the server is refused, the others are written", async () => {
    const { store, commit } = await open((id) => (id === "run-a" ? TOO_LARGE : undefined));
    expect(await Promise.all(["run-a", "run-b"].map(commit))).toEqual([
      { result: "refused", problem: "it is larger than the store takes" },
      { result: "committed" },
    ]);
    expect((await store.get("run-a"))?.revision).toBe(0);
    expect(await store.get("run-b")).toStrictEqual(onceCommitted("run-b"));
  });

  test.each([
    {
      what: "its other fields is set aside",
      refuses: (change: object) => !("set_aside" in change),
      expected: { status: "failed", set_aside: { code: "RECORD_REFUSED", was: "pending" } },
    },
    {
      what: "nothing at all is left as it is",
      refuses: () => true,
      expected: { status: "pending", query: "How would B cells respond to IFN-beta?" },
    },
  ])("an inserted run that may be given $what; the others are taken in", async (given) => {
    const { store, raw } = await open((id, change) =>
      id === "large" && given.refuses(change) ? TOO_LARGE : undefined,
    );
    const query = "How would B cells respond to IFN-beta?";
    for (const _id of ["large", "small"])
      await raw.insertOne({ _id, run_id: _id, query, status: "pending" } as {
        readonly _id: string;
      });
    const request = { owner: "here", now: Date.now(), lease_ms: 1_000, limit: 5 };
    const claimed = await store.claim({ ...request, run_id: "small" });
    expect(claimed.map(({ document }) => document.run_id)).toEqual(["small"]);
    expect(await raw.findOne({ _id: "large" })).toMatchObject(given.expected);
  });

  test.each<Refusal>([
    { code: 14_031, errmsg: "available disk space is less than required minimum" },
    { code: 371, errmsg: "User writes blocked" },
  ])(
    "a server that takes nothing for a while is waited for, and refuses no run ($code)",
    async (refusal) => {
      let asked = 0;
      const { store, troubles, commit } = await open(() => (++asked <= 6 ? refusal : undefined));
      expect(await Promise.all(["run-a", "run-b"].map(commit))).toEqual([
        { result: "committed" },
        { result: "committed" },
      ]);
      expect(new Set(troubles.map(({ code }) => code))).toEqual(new Set(["STORE_UNAVAILABLE"]));
      for (const id of ["run-a", "run-b"])
        expect(await store.get(id)).toStrictEqual(onceCommitted(id));
    },
  );
});
