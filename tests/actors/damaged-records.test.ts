import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunStore } from "../../services/runs/index.ts";
import { completedRun } from "../support/expected-runs.ts";
import { hostRuns, run } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { insertHeld, type Fields } from "../support/foreign-writes.ts";
import { sharedMongodb, sharedSqlite, type SharedRuns } from "../support/shared-runs.ts";

const LONG_ID = "x".repeat(201);

const insertRunning = (store: RunStore, runId: string): Promise<void> =>
  insertHeld(
    store,
    { ...run(runId), status: "running", current_phase: "query_analysis" },
    JSON.stringify({ value: "analyzing", context: { run_id: runId } }),
    0,
  );

const effects = () => scriptedEffects({ now: () => Date.now() });

const PATIENCE = { timeout: 20_000 };

function aRecordThatCannotBeRead(open: () => Promise<SharedRuns>): void {
  test.each<[string, Fields]>([
    ["its snapshot is half", { snapshot: '{"value":' }],
    [
      "its snapshot is of another run",
      {
        snapshot: '{"value":"analyzing","context":{"run_id":"r9"}}',
        machine: { id: "run", version: "1" },
      },
    ],
    ["its machine is none", { machine: "7" }],
    ["its outbox is no list", { outbox: "{}" }],
    ["its question is a number", { query: 7 }],
    ["its settings are a text", { config: "red" }],
    ["its list of scores is an object", { grounding_scores: { a: 1 } }],
  ])("is set aside, and the others go on: %s", async (_, fields) => {
    const { store, write } = await open();
    for (const id of ["bad", "good"]) await store.insert(run(id));
    await insertRunning(store, "bad-2");
    await write("bad-2", fields);
    const { committed, troubles } = await hostRuns(store, effects());
    expect(await committed("good", ({ status }) => status === "completed")).toStrictEqual(
      completedRun(run("good")),
    );
    await expect
      .poll(async () => (await store.get("bad-2"))?.set_aside?.code, PATIENCE)
      .toBe("RECORD_UNREADABLE");
    expect(troubles.map(({ code }) => code)).toEqual(["RECORD_UNREADABLE"]);
    await expect.poll(async () => (await store.counts(Date.now())).set_aside, PATIENCE).toBe(1);
    expect(await store.loads(Date.now())).toEqual([]);
    const shown = await store.get("bad-2");
    expect(shown?.document).toMatchObject({
      status: "failed",
      termination_reason: "failed",
      error: { code: "RECORD_UNREADABLE" },
    });
    expect((await store.list({ status: "failed" })).map(({ run_id }) => run_id)).toEqual(["bad-2"]);
    expect(
      (await store.stuck({ before: 0, limit: 10 })).map(({ record }) => record.document.run_id),
    ).toEqual(["bad-2"]);
    expect(await store.cancelAside("bad-2")).toBe(true);
    expect((await store.get("bad-2"))?.document.status).toBe("cancelled");
  });

  test("that was made good again goes on once it is released", async () => {
    const { store, write } = await open();
    await insertHeld(store, { ...run("r2") }, "null", null);
    await write("r2", { outbox: "7" });
    const { committed } = await hostRuns(store, effects());
    await expect
      .poll(async () => (await store.get("r2"))?.set_aside?.was, PATIENCE)
      .toBe("pending");
    expect(await store.unsetAside("r2")).toBe(true);
    expect(await store.unsetAside("r2")).toBe(false);
    await expect
      .poll(async () => (await store.get("r2"))?.set_aside?.was, PATIENCE)
      .toBe("pending");
    await write("r2", { outbox: [] });
    await store.unsetAside("r2");
    expect(await committed("r2", ({ status }) => status === "completed")).toStrictEqual(
      completedRun(run("r2")),
    );
  });

  test("whose wake-up time is gone, or another's, goes on when its machine says", async () => {
    const { store, write } = await open();
    const script = { now: () => Date.now(), strategy: "query_as_control", checkMs: 200 } as const;
    const before = scriptedEffects({ ...script, jobState: "RUNNING" });
    const first = await hostRuns(store, before, { owner: "first" });
    const ids = ["gone", "late"];
    for (const id of ids) await first.supervisor.submit(run(id));
    for (const id of ids)
      await first.committed(id, (_, entries) => entries.some(({ to }) => to === "awaiting"));
    await first.supervisor.stop();
    await write("gone", { wake_at: null });
    await write("late", { wake_at: Date.now() + 3_600_000 });
    const after = scriptedEffects(script);
    for (const job of before.jobs.keys()) after.jobs.set(job, "SUCCEEDED");
    const second = await hostRuns(store, after, { owner: "second" });
    for (const id of ids)
      expect(await second.committed(id, ({ status }) => status === "completed")).toMatchObject({
        run_id: id,
      });
  });

  test("of another program is completed or refused, never counted and left", async () => {
    const { store, insertRaw } = await open();
    const given = { query: "How would B cells respond to IFN-beta?", user_email: "bo@example.org" };
    for (const [run_id, more] of [
      ["no-config", { status: "pending" }],
      ["running", { status: "running" }],
      ["unknown", { status: "queued" }],
      ["cancelled", { status: "cancelled" }],
      ["bad-config", { status: "pending", config: { max_iterations: 0, colour: "red" } }],
      ["year-10000", { status: "pending", created_at: "+010000-01-01T00:00:00.000Z" }],
      ["bad-seed", { status: "pending", random_seed: "seven" }],
      ["lease-none", { status: "pending", lease: [] }],
      ["lease-list", { status: "running", lease: [[]] }],
    ] as const)
      await insertRaw({ run_id, ...given, ...more });
    await store.insert(run("good"));
    const { mails } = await hostRuns(store, effects());
    const statuses = async (): Promise<Record<string, string>> =>
      Object.fromEntries(
        (await store.list({})).map(({ run_id, status, error }) => [run_id, error?.code ?? status]),
      );
    await expect.poll(statuses, PATIENCE).toEqual({
      "no-config": "completed",
      running: "completed",
      unknown: "CONFIG_INVALID",
      cancelled: "cancelled",
      "bad-config": "CONFIG_INVALID",
      "year-10000": "completed",
      "bad-seed": "CONFIG_INVALID",
      "lease-none": "completed",
      "lease-list": "completed",
      good: "completed",
    });
    await expect.poll(() => store.loads(Date.now()), PATIENCE).toEqual([]);
    await expect
      .poll(
        () =>
          mails.filter(({ to, subject }) => to === "bo@example.org" && subject === "run_failed")
            .length,
        { timeout: 20_000 },
      )
      .toBe(3);
    expect(await store.history("bad-config")).toMatchObject([
      { event: "record.refused", from: "", to: "failed" },
    ]);
    const raw = JSON.stringify(await store.raw("bad-config"));
    expect(raw).toMatch(/max_iterations\W+0/);
    expect(raw).toMatch(/colour\W+red/);
    await store.deliver("bad-config", { id: "e1", event: { type: "retry.requested" } });
    await expect.poll(async () => (await store.get("bad-config"))?.inbox, PATIENCE).toEqual([]);
    expect((await store.get("bad-config"))?.document).toMatchObject({
      status: "failed",
      error: { code: "CONFIG_INVALID" },
    });
    expect(JSON.stringify(await store.raw("bad-config"))).toMatch(/colour\W+red/);
  });

  test("has its place in lists, and is passed by the next page", async () => {
    const { store, write } = await open();
    const times = ["2026-01-03", "2026-01-02", "2026-01-01"].map((day) => `${day}T00:00:00.000Z`);
    for (const [index, created_at] of times.entries())
      await store.insert({ ...run(`r${index}`), status: "completed", created_at });
    await write("r1", { created_at: "the day before yesterday", labels: [7] });
    const seen: string[] = [];
    for (let last = (await store.list({ limit: 1 }))[0]; last !== undefined && seen.length < 9;) {
      seen.push(last.run_id);
      [last] = await store.list({ limit: 1, before: last });
    }
    expect(seen.toSorted()).toEqual(["r0", "r1", "r2"]);
    expect(await store.list({ text: "B cells", labels: { a: "b" } })).toEqual([]);
  });
}

describe("on SQLite", () => {
  aRecordThatCannotBeRead(sharedSqlite);

  test("a document that is no JSON is set aside", async () => {
    const { store, write } = await sharedSqlite();
    for (const id of ["bad", "good"]) await store.insert(run(id));
    await write("bad", { document: "{" });
    const { committed } = await hostRuns(store, effects());
    await committed("good", ({ status }) => status === "completed");
    await expect
      .poll(async () => (await store.get("bad"))?.set_aside?.code, PATIENCE)
      .toBe("RECORD_UNREADABLE");
    expect((await store.list({ text: "B cells" })).map(({ run_id }) => run_id)).toEqual(["good"]);
  });

  test("a run under an id that nothing can show gets one that can be shown", async () => {
    const { store, insertRaw, write } = await sharedSqlite();
    await store.insert(run("renamed"));
    for (const run_id of ["", LONG_ID, "ä".repeat(200)])
      await insertRaw({
        query: "How would B cells respond to IFN-beta?",
        status: "pending",
        run_id,
      });
    await write("renamed", { run_id: "" });
    await hostRuns(store, effects());
    const shown = async (): Promise<string[]> =>
      (await store.list({}))
        .map(({ run_id, status, error }) => `${run_id.slice(0, 8)} ${error?.code ?? status}`)
        .toSorted();
    const own = "outside- completed";
    await expect.poll(shown, PATIENCE).toEqual([own, own, own, own]);
    for (const { run_id } of await store.list({}))
      expect((await store.get(run_id))?.document.run_id).toBe(run_id);
  });
});

describeWithMongodb("on MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());
  const open = () => sharedMongodb(server.uri);

  aRecordThatCannotBeRead(open);

  test.each<[string, Fields]>([
    ["empty", { run_id: "" }],
    ["too long", { run_id: LONG_ID }],
    ["a number", { run_id: 7 }],
    ["that of another run", { _id: "good" }],
  ])("an id that is %s makes it a refused run under an id of its own", async (_, id) => {
    const { store, insertRaw } = await open();
    await insertRaw({ ...run("good") });
    await insertRaw({ query: "ok?", status: "pending", ...id });
    const { committed } = await hostRuns(store, effects());
    await committed("good", ({ status }) => status === "completed");
    await expect
      .poll(
        async () =>
          (await store.list({}))
            .map(({ run_id, error }) => [run_id.slice(0, 8), error?.code ?? null])
            .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
        PATIENCE,
      )
      .toEqual([
        ["good", null],
        ["outside-", "CONFIG_INVALID"],
      ]);
  });
});
