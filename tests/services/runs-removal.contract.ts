import { describe, expect, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunCommit, RunStore } from "../../services/runs/index.ts";
import {
  cancelEvent,
  leased,
  NOW,
  sampleCommit,
  sampleRun,
  type OpenSeveral,
} from "./runs-fixtures.ts";

const LATER = "2100-01-01T00:00:00.000Z";
const at = (hour: number): string => new Date(NOW + hour * 3_600_000).toISOString();

const ended = (changes: Partial<RunDocument> = {}): Partial<RunDocument> => ({
  status: "completed",
  completed_at: at(1),
  ...changes,
});

/** A run that has ended and is left to itself. */
async function put(
  store: RunStore,
  id: string,
  changes: Partial<RunDocument> = ended(),
  commit: Partial<RunCommit> = {},
): Promise<void> {
  await store.insert(sampleRun(id, { created_at: changes.created_at ?? at(0) }), leased);
  await store.journalPut(id, "question", { text: id });
  await store.commit([
    sampleCommit(id, { document: sampleRun(id, changes), attention_at: null, ...commit }),
  ]);
  await store.release([{ run_id: id, token: 1 }]);
}

const remove = (store: RunStore, run_id: string, keeps_results = false) =>
  store.removal.remove({ run_id, keeps_results, now: NOW });

/** The part of the run store's contract that lets runs go. */
export function removalContract(openSeveral: OpenSeveral): void {
  describe("removal", () => {
    test("a removed run is gone with its log, events and journal, and others stand", async () => {
      const { store, storage } = await openSeveral(1);
      for (const id of ["run-1", "run-10", "run-2"]) await put(store, id);
      expect(await remove(store, "run-1")).toBe("removed");
      expect(await remove(store, "run-1")).toBe("unknown_run");
      const other = await storage.open();
      expect(await other.get("run-1")).toBeUndefined();
      expect(await other.history("run-1")).toEqual([]);
      expect(await other.journalGet("run-1", "question")).toBeUndefined();
      expect(await other.deliver("run-1", cancelEvent("e"))).toBe("unknown_run");
      expect((await other.list({})).map(({ run_id }) => run_id).toSorted()).toEqual([
        "run-10",
        "run-2",
      ]);
      expect(await other.journalGet("run-10", "question")).toEqual({ text: "run-10" });
      expect(await other.history("run-10")).toHaveLength(1);
      await other.close();
    });

    test("a run that was cancelled where it is set aside has ended, and can go, also with events that nobody took", async () => {
      const { store } = await openSeveral(1);
      const why = { code: "RECORD_UNREADABLE", message: "It is damaged.", at: NOW } as const;
      for (const id of ["run-1", "run-2"]) {
        await store.insert(sampleRun(id), leased);
        await store.commit([sampleCommit(id, { document: sampleRun(id, { status: "running" }) })]);
        expect(await store.setAside(id, why)).toBe(true);
        expect(await store.cancelAside(id)).toBe(true);
        expect(await store.deliver(id, cancelEvent("nobody takes it"))).toBe("stored");
      }
      const found = await store.removal.ended({ ended_before: LATER, unpruned: false, limit: 10 });
      expect(found.map(({ run_id }) => run_id)).toEqual(["run-1", "run-2"]);
      const early = at(-1_000);
      expect(
        await store.removal.ended({ ended_before: early, unpruned: false, limit: 10 }),
      ).toEqual([]);
      expect(await remove(store, "run-1")).toBe("removed");
      expect(await store.get("run-1")).toBeUndefined();
    });

    test("what a run left elsewhere is remembered until it is cleared", async () => {
      const { store, storage } = await openSeveral(1);
      for (const id of ["run-1", "run-2"]) await put(store, id);
      await remove(store, "run-1");
      await remove(store, "run-2", true);
      const other = await storage.open();
      const left = await other.removal.leftovers(10);
      expect(left.toSorted((a, b) => (a.run_id < b.run_id ? -1 : 1))).toEqual([
        { run_id: "run-1", keeps_results: false },
        { run_id: "run-2", keeps_results: true },
      ]);
      await other.removal.cleared("run-1");
      expect(await store.removal.leftovers(10)).toEqual([{ run_id: "run-2", keeps_results: true }]);
      await other.close();
    });

    test("with its results kept a run stands, its log too; the journal is gone, and it says since when", async () => {
      const { store } = await openSeveral(1);
      await put(store, "run-1");
      const before = await store.get("run-1");
      expect(await remove(store, "run-1", true)).toBe("removed");
      const after = await store.get("run-1");
      expect(after).toEqual({
        ...before,
        document: { ...before?.document, pruned_at: new Date(NOW).toISOString() },
      });
      expect(await store.history("run-1")).toHaveLength(1);
      expect(await store.journalGet("run-1", "question")).toBeUndefined();
    });

    test.each([
      ["waits in the queue", { status: "pending", completed_at: null }, {}],
      ["is running", { status: "running", completed_at: null }, {}],
      ["owes a mail", ended(), { attention_at: NOW + 60_000 }],
    ] as const)("a run that %s is not removed", async (_, changes, commit) => {
      const { store } = await openSeveral(1);
      await put(store, "run-1", changes, commit);
      for (const keeps of [false, true]) expect(await remove(store, "run-1", keeps)).toBe("busy");
      expect(await store.removal.leftovers(10)).toEqual([]);
      expect((await store.get("run-1"))?.document.pruned_at).toBeUndefined();
    });

    test("a run that somebody hosts, or that an event waits for, is not removed", async () => {
      const { store } = await openSeveral(1);
      for (const id of ["run-1", "run-2"]) await put(store, id);
      await store.deliver("run-1", cancelEvent("retry"));
      await store.claim({ owner: "two", now: NOW, lease_ms: 30_000, limit: 1, run_id: "run-2" });
      expect(await remove(store, "run-1")).toBe("busy");
      expect(await remove(store, "run-2")).toBe("busy");
      expect(await store.removal.leftovers(10)).toEqual([]);
    });

    test("ended runs are paged from the first created on, by the time of their end", async () => {
      const { store } = await openSeveral(1);
      await put(store, "run-c", ended({ created_at: at(0), completed_at: at(9) }));
      await put(store, "run-b", ended({ created_at: at(-2) }));
      await put(store, "run-a", ended({ created_at: at(-1), status: "failed" }));
      await put(store, "run-d", { created_at: at(-3), status: "running", completed_at: null });
      const request = { ended_before: at(2), unpruned: false, limit: 1 };
      const [first] = await store.removal.ended(request);
      expect(first).toEqual({
        run_id: "run-b",
        user_email: "ada@example.org",
        status: "completed",
        created_at: at(-2),
      });
      const next = await store.removal.ended({
        ...request,
        limit: 10,
        after: { created_at: at(-2), run_id: "run-b" },
      });
      expect(next.map(({ run_id }) => run_id)).toEqual(["run-a"]);
    });

    test("runs whose working files went are left out where only others are asked for", async () => {
      const { store } = await openSeveral(1);
      for (const id of ["run-1", "run-2"]) await put(store, id);
      await remove(store, "run-1", true);
      const of = async (unpruned: boolean): Promise<string[]> =>
        (await store.removal.ended({ ended_before: LATER, unpruned, limit: 10 })).map(
          ({ run_id }) => run_id,
        );
      expect(await of(true)).toEqual(["run-2"]);
      expect(await of(false)).toEqual(["run-1", "run-2"]);
    });
  });
}
