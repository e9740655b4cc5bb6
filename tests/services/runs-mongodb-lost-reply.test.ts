import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createGroupCommit } from "../../actors/host/group-commit.ts";
import type { HaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { CommitOutcome } from "../../services/runs/index.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { completedRun } from "../support/expected-runs.ts";
import { hostRuns, run } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { startReplicaSet } from "../support/replica-set.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { leased, onceCommitted, sampleCommit, sampleRun } from "./runs-fixtures.ts";

describeWithMongodb("a connection that dies after the server has written", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  const open = async () => {
    const set = await startReplicaSet(server.uri);
    onTestFinished(() => set.stop());
    const store = await openMongoRuns({
      uri: set.uri,
      database: `haystack_test_${randomUUID().slice(0, 8)}`,
    });
    onTestFinished(() => store.close());
    return { set, store };
  };

  test("a commit is uncertain for the store, and neither lost nor done twice by the group commit", async () => {
    const { set, store } = await open();
    for (const id of ["run-a", "run-b", "run-c"]) await store.insert(sampleRun(id), leased);
    const lost = set.loseAnswer("update");
    await expect(store.commit([sampleCommit("run-a")])).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    await lost;
    expect(await store.get("run-a")).toStrictEqual(onceCommitted("run-a"));

    const troubles: HaystackError[] = [];
    const groupCommit = createGroupCommit(store, systemClock, (error) => troubles.push(error));
    onTestFinished(() => groupCommit.close());
    const again = set.loseAnswer("update");
    const outcomes = await Promise.all(
      ["run-b", "run-c"].map(
        (id) =>
          new Promise<CommitOutcome>((settle) =>
            groupCommit.request({
              take: () => sampleCommit(id, { consumed: ["e1"] }),
              settle: (_, outcome) => settle(outcome),
            }),
          ),
      ),
    );
    await again;
    expect(outcomes).toEqual([{ result: "committed" }, { result: "committed" }]);
    expect(troubles.map(({ code }) => code)).toEqual(["STORE_UNAVAILABLE"]);
    for (const id of ["run-a", "run-b", "run-c"]) {
      expect(await store.get(id)).toStrictEqual(onceCommitted(id));
      expect((await store.history(id)).map(({ revision }) => revision)).toEqual([1]);
    }
  });

  test("a run goes on to its end, each transition and job once", async () => {
    const { set, store } = await open();
    const effects = scriptedEffects({ now: () => Date.now(), strategy: "query_as_control" });
    const { supervisor, troubles, mails } = await hostRuns(store, effects);
    const settled = supervisor.settled("r1");
    const lost = set.loseAnswer("update");
    await supervisor.submit(run("r1"));
    await lost;
    expect(await settled).toStrictEqual(completedRun(run("r1"), { strategy: "query_as_control" }));
    const log = await store.history("r1");
    expect(new Set(log.map((entry) => JSON.stringify(entry))).size).toBe(log.length);
    expect(effects.jobs.size).toBe(1);
    expect(mails.map(({ subject }) => subject)).toEqual(["run_completed"]);
    expect(new Set(troubles.map(({ code }) => code))).toEqual(new Set(["STORE_UNAVAILABLE"]));
  });
});
