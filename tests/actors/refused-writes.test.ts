import { afterAll, beforeAll, expect, test } from "vitest";
import { hostRuns, run } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import type { Fields } from "../support/foreign-writes.ts";
import { sharedMongodb } from "../support/shared-runs.ts";

const PATIENCE = { timeout: 20_000 };

describeWithMongodb("what another program does to a hosted run", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  /** Two runs that wait for their jobs; the first is written to, and both are then moved on. */
  const written = async (fields: Fields) => {
    const { store, write } = await sharedMongodb(server.uri);
    const effects = scriptedEffects({
      now: () => Date.now(),
      jobState: "RUNNING",
      scores: [9],
      strategy: "query_as_control",
    });
    const hosted = await hostRuns(store, effects);
    const waiting = (id: string): Promise<unknown> =>
      hosted.committed(id, (_, entries) =>
        entries.some(({ from, to }) => from === "checking" && to === "awaiting"),
      );
    for (const id of ["touched", "other"]) await hosted.supervisor.submit(run(id));
    await Promise.all([waiting("touched"), waiting("other")]);
    await write("touched", fields);
    for (const job of effects.jobs.keys()) effects.jobs.set(job, "SUCCEEDED");
    for (const id of ["touched", "other"])
      for (const job of effects.jobs.keys())
        if (job.includes(id))
          await hosted.supervisor.deliver(id, {
            id: `e-${job}`,
            event: { type: "job.changed", job_id: job, state: "SUCCEEDED" },
          });
    return { store, ...hosted };
  };

  test.each<[string, Fields]>([
    ["its log a text", { history: "none" }],
    ["its consumed events a text", { consumed: "none" }],
  ])("making %s sets that run aside, and the others of its group go on", async (_, fields) => {
    const { store, committed, supervisor, troubles } = await written(fields);
    expect(await committed("other", ({ status }) => status === "completed")).toMatchObject({
      termination_reason: "converged",
      final_score: 9,
    });
    await expect
      .poll(async () => (await store.get("touched"))?.set_aside?.code, PATIENCE)
      .toBe("RECORD_REFUSED");
    expect(troubles.map(({ code }) => code)).toContain("RECORD_REFUSED");
    expect(supervisor.hosted()).not.toContain("touched");
  });

  test("taking its lease away makes its host let go; it is taken up again and ends", async () => {
    const { committed, troubles } = await written({ lease: undefined });
    await Promise.all(
      ["other", "touched"].map((id) => committed(id, ({ status }) => status === "completed")),
    );
    expect(troubles.map(({ code }) => code)).toEqual(["COMMIT_CONFLICT"]);
  });
});
