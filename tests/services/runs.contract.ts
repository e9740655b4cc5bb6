import { describe, expect, onTestFinished, test } from "vitest";
import type { RunStore, TransitionEntry } from "../../services/runs/index.ts";
import { cancelEvent, ids, insertLeased, leased, LEASE_MS, NOW, raceRounds, sampleCommit, sampleRun, USER, withoutCompare, type OpenSeveral, type RunsStorage } from "./runs-fixtures.ts";
import { leasesContract } from "./runs-leases.contract.ts";

/** What every run store keeps to. `make` gives fresh, empty storage. */
export function runsContract(adapter: string, make: () => Promise<RunsStorage>): void {
  const openSeveral: OpenSeveral = async (count) => {
    const storage = await make();
    const store = await storage.open();
    const others = await Promise.all(Array.from({ length: count - 1 }, () => storage.open()));
    const stores = [store, ...others];
    onTestFinished(async () => void (await Promise.all(stores.map((each) => each.close()))));
    return { stores, storage, store };
  };
  const open = () => openSeveral(1);

  describe(`runs: ${adapter}`, () => {

    describe("documents", () => {
      test("a run is inserted once and read back whole", async () => {
        const { store } = await open();
        const document = sampleRun("run-a");
        await store.insert(document, leased);
        expect(await store.get("run-a")).toEqual({
          document,
          snapshot: null,
          machine: null,
          revision: 0,
          lease: { ...leased, token: 1 },
          wake_at: null,
          inbox: [],
          outbox: [],
        });
        await expect(store.insert(sampleRun("run-a", { query: "other" }))).rejects.toMatchObject({ code: "RUN_EXISTS" });
        expect((await store.get("run-a"))?.document).toEqual(document);
        expect(await store.get("run-b")).toBeUndefined();
      });

      test("one of many inserting the same run succeeds", async () => {
        const { stores } = await openSeveral(4);
        const attempts = await Promise.allSettled(stores.map((store) => store.insert(sampleRun("run-a"))));
        expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      });

      test("lists are newest first, filtered, and page without gap or double", async () => {
        const { store } = await open();
        for (const [index, id] of ids(12).entries()) {
          const created_at = new Date(NOW + Math.floor(index / 3) * 1_000).toISOString();
          await store.insert(sampleRun(id, { created_at, status: index % 2 === 0 ? "completed" : "failed", user_email: index < 6 ? USER : null }));
        }
        const newestFirst = ids(12).toReversed();
        expect((await store.list({})).map(({ run_id }) => run_id)).toEqual(newestFirst);
        const failed = await store.list({ status: "failed", user_email: USER });
        expect(failed.map(({ run_id }) => run_id)).toEqual(["run-0005", "run-0003", "run-0001"]);
        const paged: string[] = [];
        for (let page = await store.list({ limit: 4 }); page.length > 0; ) {
          paged.push(...page.map(({ run_id }) => run_id));
          const { created_at, run_id } = page.at(-1) ?? sampleRun("none");
          await store.insert(sampleRun(`later-${run_id}`, { created_at: new Date(NOW + 60_000).toISOString() }));
          page = await store.list({ limit: 4, before: { created_at, run_id } });
        }
        expect(paged).toEqual(newestFirst);
      });

      test("everything survives reopening", async () => {
        const storage = await make();
        const first = await storage.open();
        await first.insert(sampleRun("run-a"), leased);
        await first.deliver("run-a", cancelEvent("e1"));
        await first.deliver("run-a", cancelEvent("e2"));
        await first.commit([sampleCommit("run-a", { consumed: ["e1"], wake_at: NOW + 5 })]);
        await first.journalPut("run-a", "analyze", { tokens: 3 });
        const [record, history] = [await first.get("run-a"), await first.history("run-a")];
        await first.close();
        const second = await storage.open();
        onTestFinished(() => second.close());
        expect(await second.get("run-a")).toEqual(record);
        expect(await second.history("run-a")).toEqual(history);
        expect(await second.journalGet("run-a", "analyze")).toEqual({ tokens: 3 });
        expect(await second.deliver("run-a", cancelEvent("e1"))).toBe("duplicate");
      });
    });

    describe("commit (D1, D3)", () => {
      test("a commit on what stands changes all parts together", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        const outbox = [{ key: "run-a/run_failed", kind: "run_failed" as const, state: "owed" as const, attempts: 0, due_at: NOW, problem: null }];
        const commit = sampleCommit("run-a", { document: sampleRun("run-a", { status: "running", current_phase: "query_analysis" }), wake_at: NOW + 9, outbox });
        expect(await store.commit([commit])).toEqual([{ result: "committed" }]);
        expect(await store.get("run-a")).toEqual({
          document: commit.document,
          snapshot: commit.snapshot,
          machine: commit.machine,
          revision: 1,
          lease: { ...leased, token: 1 },
          wake_at: NOW + 9,
          inbox: [],
          outbox,
        });
      });

      test("another revision, token or status is a conflict that tells what stands, and changes nothing", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        await store.deliver("run-a", cancelEvent("e1"));
        await store.commit([sampleCommit("run-a")]);
        const before = await store.get("run-a");
        const stands = { result: "conflict", revision: 1, token: 1, status: "pending" };
        const expectations = [
          { revision: 0, token: 1, status: "pending" as const },
          { revision: 2, token: 1, status: "pending" as const },
          { revision: 1, token: 0, status: "pending" as const },
          { revision: 1, token: 2, status: "pending" as const },
          { revision: 1, token: 1, status: "running" as const },
        ];
        for (const expectation of expectations) {
          const commit = sampleCommit("run-a", { expect: expectation, document: sampleRun("run-a", { status: "failed" }), consumed: ["e1"] });
          expect(await store.commit([commit])).toEqual([stands]);
        }
        expect(await store.get("run-a")).toEqual(before);
        expect(await store.history("run-a")).toHaveLength(1);
        expect(await store.deliver("run-a", cancelEvent("e1"))).toBe("duplicate");
      });

      test("in a group each commit has its own outcome", async () => {
        const { store } = await open();
        await Promise.all(["run-a", "run-b", "run-c"].map((id) => store.insert(sampleRun(id), leased)));
        await store.commit([sampleCommit("run-b")]);
        const outcomes = await store.commit([sampleCommit("run-a"), sampleCommit("run-b"), sampleCommit("run-none"), sampleCommit("run-c")]);
        expect(outcomes).toEqual([
          { result: "committed" },
          { result: "conflict", revision: 1, token: 1, status: "pending" },
          { result: "missing" },
          { result: "committed" },
        ]);
        expect(await Promise.all(["run-a", "run-b", "run-c"].map(async (id) => (await store.get(id))?.revision))).toEqual([1, 1, 1]);
        expect(await store.commit([])).toEqual([]);
      });

      test("the log holds every committed transition in order, however many there are", async () => {
        const { store, storage } = await open();
        await store.insert(sampleRun("run-a"), leased);
        const expected: TransitionEntry[] = [];
        for (let revision = 0; revision < 150; revision++) {
          const entry = { revision: revision + 1, at: NOW + revision, actor: "run", event: `event.${revision}`, from: "a", to: "b" };
          const history = [entry, { ...entry, actor: "prediction" }].slice(0, revision % 3);
          const commit = sampleCommit("run-a", { expect: { revision, token: 1, status: "pending" }, history });
          expect(await store.commit([commit, { ...commit, history: [{ ...entry, event: "uncommitted" }] }])).toMatchObject([{ result: "committed" }, { result: "conflict" }]);
          expected.push(...history);
        }
        expect(await store.history("run-a")).toEqual(expected);
        const other = await storage.open();
        onTestFinished(() => other.close());
        expect(await other.history("run-a")).toEqual(expected);
      });
    });

    describe("inbox (D5)", () => {
      test("events wait in order, once each, and are known after consumption", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        expect(await store.deliver("run-none", cancelEvent("e1"))).toBe("unknown_run");
        for (const id of ["e1", "e2", "e3"]) expect(await store.deliver("run-a", cancelEvent(id))).toBe("stored");
        expect(await store.deliver("run-a", cancelEvent("e2"))).toBe("duplicate");
        expect((await store.get("run-a"))?.inbox).toEqual(["e1", "e2", "e3"].map(cancelEvent));
        await store.commit([sampleCommit("run-a", { consumed: ["e2", "e1"] })]);
        expect((await store.get("run-a"))?.inbox).toEqual([cancelEvent("e3")]);
        for (const id of ["e1", "e2", "e3"]) expect(await store.deliver("run-a", cancelEvent(id))).toBe("duplicate");
        expect(await store.deliver("run-a", cancelEvent("e4"))).toBe("stored");
        expect((await store.get("run-a"))?.inbox).toEqual([cancelEvent("e3"), cancelEvent("e4")]);
      });

      test("one of many delivering the same event stores it", async () => {
        const { stores } = await openSeveral(8);
        await stores[0]?.insert(sampleRun("run-a"), leased);
        const results = await Promise.all(stores.map((store) => store.deliver("run-a", cancelEvent("e1"))));
        expect(results.toSorted()).toEqual([...Array.from({ length: 7 }, () => "duplicate"), "stored"]);
        expect((await stores[0]?.get("run-a"))?.inbox).toHaveLength(1);
      });

      test("an event that arrives while others are consumed is kept", async () => {
        const { stores } = await openSeveral(2);
        const [host, source] = stores as readonly [RunStore, RunStore];
        await host.insert(sampleRun("run-a"), leased);
        for (let revision = 0; revision < 30; revision++) {
          await source.deliver("run-a", cancelEvent(`e${revision}`));
          const [[outcome], delivered] = await Promise.all([
            host.commit([sampleCommit("run-a", { expect: { revision, token: 1, status: "pending" }, consumed: [`e${revision}`, `x${revision - 1}`] })]),
            source.deliver("run-a", cancelEvent(`x${revision}`)),
          ]);
          expect([outcome, delivered]).toEqual([{ result: "committed" }, "stored"]);
          expect((await host.get("run-a"))?.inbox).toEqual([cancelEvent(`x${revision}`)]);
        }
      });

      test("the host of a run hears of waiting events and of a cancellation from outside until a commit answers them", async () => {
        const { store, storage } = await open();
        await Promise.all(["run-a", "run-b", "run-c"].map((id) => store.insert(sampleRun(id), leased)));
        await store.insert(sampleRun("run-d"), { owner: "other", expires_at: NOW + LEASE_MS });
        await store.deliver("run-a", cancelEvent("e1"));
        await store.deliver("run-d", cancelEvent("e1"));
        await storage.setStatus("run-b", "cancelled");
        const pending = (await store.pending("daemon")).toSorted((a, b) => a.run_id.localeCompare(b.run_id));
        expect(pending).toEqual([
          { run_id: "run-a", inbox: [cancelEvent("e1")], status: "pending" },
          { run_id: "run-b", inbox: [], status: "cancelled" },
        ]);
        const cancelled = sampleRun("run-b", { status: "cancelled" });
        expect(await store.commit([sampleCommit("run-a", { consumed: ["e1"] }), sampleCommit("run-b", { document: cancelled })])).toEqual([
          { result: "committed" },
          { result: "conflict", revision: 0, token: 1, status: "cancelled" },
        ]);
        expect((await store.get("run-b"))?.document.status).toBe("cancelled");
        expect(await store.commit([sampleCommit("run-b", { expect: { revision: 0, token: 1, status: "cancelled" }, document: cancelled })])).toEqual([{ result: "committed" }]);
        expect(await store.pending("daemon")).toEqual([]);
      });
    });

    leasesContract(openSeveral);

    describe("journal (D7)", () => {
      test("the first write of a key stands", async () => {
        const { stores } = await openSeveral(8);
        const values = await Promise.all(stores.map((store, writer) => store.journalPut("run-a", "analyze/1", { writer, "a.b": null })));
        expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(1);
        expect(await stores[0]?.journalGet("run-a", "analyze/1")).toEqual(values[0]);
        expect(await stores[0]?.journalPut("run-a", "analyze/2", "other")).toBe("other");
        expect(await stores[0]?.journalGet("run-b", "analyze/1")).toBeUndefined();
      });
    });

    describe("races", () => {
      test("eight writers race one compare-and-set 1,000 times: one winner each time", async () => {
        const { stores } = await openSeveral(8);
        expect(await raceRounds(stores, 1_000)).toEqual([]);
        expect(await stores[0]?.history("contested")).toHaveLength(1_000);
      });

      test("the race sees it when a store does not compare", async () => {
        const { stores } = await openSeveral(8);
        expect(await raceRounds(stores.map(withoutCompare), 20)).not.toEqual([]);
      });

      test("four writers each commit the same 1,000 runs in one group: each run has one winner", async () => {
        const { stores, store: first } = await openSeveral(4);
        await insertLeased(first, ids(1_000));
        const groups = await Promise.all(stores.map((store, writer) => store.commit(ids(1_000).map((id) => sampleCommit(id, { snapshot: String(writer) })))));
        for (const [index, id] of ids(1_000).entries()) {
          const winners = groups.flatMap((outcomes, writer) => (outcomes[index]?.result === "committed" ? [writer] : []));
          expect(winners).toHaveLength(1);
          expect(await first.get(id)).toMatchObject({ revision: 1, snapshot: String(winners[0]) });
        }
      });
    });
  });
}
