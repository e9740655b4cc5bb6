import { randomUUID } from "node:crypto";
import type { Document } from "mongodb";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createGroupCommit } from "../../actors/host/group-commit.ts";
import type { HaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { CommitOutcome } from "../../services/runs/index.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { startReplicaSet } from "../support/replica-set.ts";
import { leased, onceCommitted, sampleCommit, sampleRun } from "./runs-fixtures.ts";

interface Refusal {
  readonly code: number;
  readonly errmsg: string;
}

describeWithMongodb("what a server answers to a write", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  /** Updates of runs for which `refusalOf` has one are answered with it, in the form of a server. */
  const open = async (refusalOf: (runId: string) => Refusal | undefined) => {
    const answerInstead = (command: Document): Document | undefined => {
      if (command["update"] !== "runs") return undefined;
      const updates = command["updates"] as { readonly q: { readonly run_id?: string } }[];
      const writeErrors = updates.flatMap(({ q }, index) => {
        const refusal = refusalOf(q.run_id ?? "");
        return refusal === undefined ? [] : [{ index, ...refusal }];
      });
      return writeErrors.length === 0 ? undefined : { ok: 1, n: 0, nModified: 0, writeErrors };
    };
    const set = await startReplicaSet(server.uri, { answerInstead });
    onTestFinished(() => set.stop());
    const store = await openMongoRuns({
      uri: set.uri,
      database: `haystack_test_${randomUUID().slice(0, 8)}`,
    });
    onTestFinished(() => store.close());
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
    return { store, troubles, commit };
  };

  test("a run that has become too large for the server is refused, the others are written", async () => {
    const tooLarge = {
      code: 17_419,
      errmsg: "Resulting document after update is larger than 16777216",
    };
    const { store, commit } = await open((id) => (id === "run-a" ? tooLarge : undefined));
    expect(await Promise.all(["run-a", "run-b"].map(commit))).toEqual([
      { result: "refused", problem: "it is larger than the store takes" },
      { result: "committed" },
    ]);
    expect((await store.get("run-a"))?.revision).toBe(0);
    expect(await store.get("run-b")).toStrictEqual(onceCommitted("run-b"));
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
