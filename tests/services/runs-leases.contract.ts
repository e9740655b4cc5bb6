import { describe, expect, test } from "vitest";
import type { RunStatus } from "../../services/runs/document.ts";
import type { ClaimRequest, RunStore, UserLoad } from "../../services/runs/index.ts";
import {
  cancelEvent,
  ids,
  LEASE_MS,
  leased,
  NOW,
  onceCommitted,
  sampleCommit,
  sampleRun,
  USER,
  type OpenSeveral,
} from "./runs-fixtures.ts";

const claimBy = (owner: string, changes: Partial<ClaimRequest> = {}): ClaimRequest => ({
  owner,
  now: NOW,
  lease_ms: LEASE_MS,
  limit: 1_000,
  ...changes,
});
const queuedBy = (owner: string, changes: Partial<ClaimRequest> = {}): ClaimRequest =>
  claimBy(owner, { queued_of: USER, ...changes });
const claimedIds = async (store: RunStore, request: ClaimRequest) =>
  (await store.claim(request)).map(({ document }) => document.run_id).toSorted();
const order = (loads: readonly UserLoad[]) =>
  loads.toSorted((a, b) => (a.user_email ?? "").localeCompare(b.user_email ?? ""));

/** The part of the run store's contract that concerns claims, leases and the queue. */
export function leasesContract(openSeveral: OpenSeveral): void {
  describe("leases (D9)", () => {
    test("a new run is claimed once, with all it holds; then again when the lease has ended, under a higher token", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"));
      await store.deliver("run-a", cancelEvent("e1"));
      const [record] = await store.claim(claimBy("one", { limit: 1 }));
      expect(record).toEqual(await store.get("run-a"));
      expect(record).toStrictEqual({
        document: sampleRun("run-a"),
        snapshot: null,
        machine: null,
        revision: 0,
        lease: { owner: "one", token: 1, expires_at: NOW + LEASE_MS },
        wake_at: null,
        inbox: [cancelEvent("e1")],
        outbox: [],
        priority: 0,
      });
      expect(await claimedIds(store, claimBy("two", { now: NOW + LEASE_MS - 1 }))).toEqual([]);
      const [again] = await store.claim(claimBy("two", { now: NOW + LEASE_MS }));
      expect(again?.lease).toEqual({ owner: "two", token: 2, expires_at: NOW + 2 * LEASE_MS });
      expect(await store.commit([sampleCommit("run-a")])).toEqual([
        { result: "conflict", revision: 0, token: 2, status: "pending" },
      ]);
    });

    test("a run is claimed from its attention time on, and at rest never", async () => {
      const { store } = await openSeveral(1);
      const attention = new Map([
        ["run-now", 0],
        ["run-later", NOW + 500],
        ["run-rest", null],
      ]);
      for (const [id, attention_at] of attention) {
        await store.insert(sampleRun(id), leased);
        await store.commit([sampleCommit(id, { attention_at })]);
        await store.release([{ run_id: id, token: 1 }]);
      }
      expect(await claimedIds(store, claimBy("one", { limit: 10 }))).toEqual(["run-now"]);
      expect(await claimedIds(store, claimBy("one", { now: NOW + 499 }))).toEqual([]);
      expect(await claimedIds(store, claimBy("one", { now: NOW + 500 }))).toEqual(["run-later"]);
      await store.deliver("run-rest", cancelEvent("e1"));
      const [woken] = await store.claim(claimBy("one", { now: NOW + 500 }));
      expect(woken).toStrictEqual({
        ...onceCommitted("run-rest"),
        lease: { owner: "one", token: 2, expires_at: NOW + 500 + LEASE_MS },
        inbox: [cancelEvent("e1")],
      });
    });

    test("consumed events ask for no attention any more", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"), leased);
      await store.deliver("run-a", cancelEvent("e1"));
      await store.deliver("run-a", cancelEvent("e2"));
      await store.commit([sampleCommit("run-a", { consumed: ["e1"], attention_at: null })]);
      await store.release([{ run_id: "run-a", token: 1 }]);
      expect(await claimedIds(store, claimBy("one"))).toEqual(["run-a"]);
      await store.commit([
        sampleCommit("run-a", {
          expect: { revision: 1, token: 2, status: "pending" },
          consumed: ["e2"],
          attention_at: null,
        }),
      ]);
      await store.release([{ run_id: "run-a", token: 2 }]);
      expect(await claimedIds(store, claimBy("one"))).toEqual([]);
    });

    test("a claim keeps to its limit, or to one run whatever its attention", async () => {
      const { store } = await openSeveral(1);
      for (const id of ids(5)) {
        await store.insert(sampleRun(id), leased);
        await store.commit([sampleCommit(id)]);
        await store.release([{ run_id: id, token: 1 }]);
      }
      expect(await store.claim(claimBy("one", { limit: 2 }))).toHaveLength(2);
      expect(await store.claim(claimBy("one", { limit: 0 }))).toEqual([]);
      await store.insert(sampleRun("rests"), leased);
      await store.commit([sampleCommit("rests", { attention_at: null })]);
      expect(await claimedIds(store, claimBy("one", { run_id: "rests", limit: 1 }))).toEqual([]);
      await store.release([{ run_id: "rests", token: 1 }]);
      expect(await claimedIds(store, claimBy("one", { run_id: "rests", limit: 1 }))).toEqual([
        "rests",
      ]);
      expect(await claimedIds(store, claimBy("one", { run_id: "none", limit: 1 }))).toEqual([]);
      expect(await store.claim(claimBy("one"))).toHaveLength(3);
    });

    test("runs with events are claimed first and alone", async () => {
      const { store } = await openSeveral(1);
      for (const id of ids(6)) {
        await store.insert(sampleRun(id), leased);
        await store.commit([sampleCommit(id)]);
        await store.release([{ run_id: id, token: 1 }]);
      }
      await store.deliver("run-0004", cancelEvent("e1"));
      await store.deliver("run-0002", cancelEvent("e2"));
      expect(await claimedIds(store, claimBy("one", { limit: 4 }))).toEqual([
        "run-0002",
        "run-0004",
      ]);
      expect(await claimedIds(store, claimBy("one", { limit: 4 }))).toEqual([
        "run-0000",
        "run-0001",
        "run-0003",
        "run-0005",
      ]);
    });

    test("a queued run waits for the admission of its user, oldest first", async () => {
      const { store, storage } = await openSeveral(1);
      for (const [index, id] of ids(6).entries()) {
        const created_at = new Date(NOW - index * 1_000).toISOString();
        await store.insert(sampleRun(id, { created_at, user_email: index < 4 ? USER : null }));
      }
      await store.insert(sampleRun("run-active", { status: "running" }), leased);
      expect(order(await store.loads(NOW))).toEqual([
        {
          user_email: null,
          active: 0,
          queued: 2,
          queued_since: new Date(NOW - 5_000).toISOString(),
        },
        {
          user_email: USER,
          active: 1,
          queued: 4,
          queued_since: new Date(NOW - 3_000).toISOString(),
        },
      ]);
      expect(await claimedIds(store, claimBy("one"))).toEqual([]);
      expect(await claimedIds(store, claimBy("one", { queued_of: null, limit: 1 }))).toEqual([
        "run-0005",
      ]);
      expect(await claimedIds(store, queuedBy("one", { limit: 2 }))).toEqual([
        "run-0002",
        "run-0003",
      ]);
      expect(order(await store.loads(NOW))).toStrictEqual([
        {
          user_email: null,
          active: 1,
          queued: 1,
          queued_since: new Date(NOW - 4_000).toISOString(),
        },
        {
          user_email: USER,
          active: 3,
          queued: 2,
          queued_since: new Date(NOW - 1_000).toISOString(),
        },
      ]);
      await storage.setStatus("run-0001", "cancelled");
      expect(await claimedIds(store, claimBy("one"))).toEqual(["run-0001"]);
      expect(await claimedIds(store, queuedBy("one"))).toEqual(["run-0000"]);
      expect(await claimedIds(store, queuedBy("two", { now: NOW + LEASE_MS }))).toEqual([
        "run-0000",
        "run-0002",
        "run-0003",
      ]);
    });

    test("the leases of an earlier process of the same name end at once", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"), leased);
      await store.insert(sampleRun("run-b"), { owner: "other", expires_at: NOW + LEASE_MS });
      await store.takeOver("daemon");
      expect(await claimedIds(store, queuedBy("daemon"))).toEqual(["run-a"]);
      expect((await store.get("run-a"))?.lease?.token).toBe(2);
    });

    test("claimers that race get disjoint runs, and together all of them", async () => {
      const { stores, store: first } = await openSeveral(4);
      await Promise.all(ids(100).map((id) => first.insert(sampleRun(id))));
      const claimed: string[] = [];
      for (let sweep = 0; sweep < 40 && claimed.length < 100; sweep++) {
        const taken = await Promise.all(
          stores.map((store, index) =>
            claimedIds(store, queuedBy(`daemon-${index}`, { limit: 10 })),
          ),
        );
        claimed.push(...taken.flat());
      }
      expect(claimed.toSorted()).toEqual(ids(100));
    });

    test("renewing is for the holder alone", async () => {
      const { store } = await openSeveral(1);
      for (const id of ["run-a", "run-b", "run-c"]) await store.insert(sampleRun(id));
      await store.claim(queuedBy("one"));
      await store.claim(claimBy("two", { now: NOW + LEASE_MS, run_id: "run-b", limit: 1 }));
      await store.release([{ run_id: "run-c", token: 1 }]);
      const leases = ["run-a", "run-b", "run-c", "run-none"].map((run_id) => ({
        run_id,
        token: 1,
      }));
      expect(await store.renew("one", leases, NOW + 9 * LEASE_MS)).toEqual(["run-a"]);
      expect(
        await store.renew("one", [{ run_id: "run-a", token: 1 }], NOW + 10 * LEASE_MS),
      ).toEqual(["run-a"]);
      expect(await store.renew("two", [{ run_id: "run-b", token: 1 }], NOW + 9 * LEASE_MS)).toEqual(
        [],
      );
      expect(await store.renew("one", [], NOW)).toEqual([]);
      const expiries = await Promise.all(
        ["run-a", "run-b", "run-c"].map(async (id) => (await store.get(id))?.lease?.expires_at),
      );
      expect(expiries).toEqual([NOW + 10 * LEASE_MS, NOW + 2 * LEASE_MS, undefined]);
    });

    test("a released run is free at once; with an attention time it rests until then, unless an event or a cancellation has come", async () => {
      const { store, storage } = await openSeveral(1);
      const runs = ["run-free", "run-rest", "run-later", "run-event", "run-cancelled", "run-stale"];
      const held = { owner: "one", expires_at: NOW + LEASE_MS };
      for (const id of runs) await store.insert(sampleRun(id), held);
      await store.commit(runs.map((id) => sampleCommit(id)));
      await store.deliver("run-event", cancelEvent("e1"));
      await storage.setStatus("run-cancelled", "cancelled");
      await store.release([
        { run_id: "run-free", token: 1 },
        { run_id: "run-rest", token: 1, attention_at: null },
        { run_id: "run-later", token: 1, attention_at: NOW + 100 },
        { run_id: "run-event", token: 1, attention_at: null },
        { run_id: "run-cancelled", token: 1, attention_at: null },
        { run_id: "run-stale", token: 0, attention_at: null },
      ]);
      await store.release([]);
      expect((await store.get("run-rest"))?.lease).toBeNull();
      expect((await store.get("run-stale"))?.lease?.owner).toBe("one");
      expect(await claimedIds(store, claimBy("two"))).toEqual(["run-event"]);
      expect(await claimedIds(store, claimBy("two"))).toEqual(["run-cancelled", "run-free"]);
      expect(await claimedIds(store, claimBy("two", { now: NOW + 100 }))).toEqual(["run-later"]);
    });

    test("a claim whose process is gone before a commit or a renewal is counted, and claimed apart", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"));
      await store.deliver("run-a", cancelEvent("e1"));
      const claimedBy = async (owner: string, changes: Partial<ClaimRequest> = {}) => {
        const [record] = await store.claim(claimBy(owner, changes));
        return record?.fruitless ?? (record === undefined ? "none" : 0);
      };
      expect(await claimedBy("one")).toBe(0);
      // The answer was lost: the process that has it is there, and asks again.
      expect(await claimedBy("one", { now: NOW + LEASE_MS })).toBe(0);
      await store.takeOver("one");
      expect(await claimedBy("two", { suspects: false })).toBe("none");
      expect(await claimedBy("two", { suspects: true })).toBe(1);
      await store.takeOver("two");
      expect(await claimedBy("three")).toBe(2);
      const [lease] = await store.standings(["run-a"]);
      const token = lease?.lease?.token ?? 0;
      await store.renew("three", [{ run_id: "run-a", token }], NOW + LEASE_MS);
      await store.takeOver("three");
      expect(await claimedBy("four", { suspects: true })).toBe("none");
      expect(await claimedBy("four")).toBe(0);
      await store.commit([
        sampleCommit("run-a", { expect: { revision: 0, token: token + 1, status: "pending" } }),
      ]);
      await store.takeOver("four");
      expect(await claimedBy("five")).toBe(0);
      await store.takeOver("five");
      expect(await claimedBy("six")).toBe(1);
      await store.release([{ run_id: "run-a", token: token + 3 }]);
      expect(await claimedBy("seven")).toBe(0);
    });

    test("a run that is set aside is claimed by nobody and fences its host off until it is released", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"), leased);
      const why = { code: "RECORD_UNREADABLE", message: "It is half.", at: NOW } as const;
      expect(await store.setAside("run-a", { ...why, token: 7 })).toBe(false);
      expect(await store.setAside("run-b", why)).toBe(false);
      expect(await store.setAside("run-a", { ...why, token: 1 })).toBe(true);
      expect(await store.setAside("run-a", why)).toBe(false);
      expect((await store.commit([sampleCommit("run-a")]))[0]?.result).toBe("conflict");
      expect(await store.renew("daemon", [{ run_id: "run-a", token: 1 }], NOW * 2)).toEqual([]);
      expect(await store.deliver("run-a", cancelEvent("e1"))).toBe("stored");
      const later = { now: NOW + 2 * LEASE_MS };
      const tries = [{}, { run_id: "run-a" }, { queued_of: USER }];
      for (const changes of tries)
        expect(await claimedIds(store, claimBy("one", { ...later, ...changes }))).toEqual([]);
      const [aside] = await store.setAsides(10);
      expect(aside?.set_aside).toEqual({ ...why, was: "pending" });
      expect(aside?.document).toMatchObject({ status: "failed", error_message: "It is half." });
      expect((await store.counts(NOW)).set_aside).toBe(1);
      expect(await store.loads(NOW)).toEqual([]);
      expect(await store.unsetAside("run-a")).toBe(true);
      expect((await store.get("run-a"))?.document).toEqual(sampleRun("run-a"));
      expect(await claimedIds(store, claimBy("one", { ...later, run_id: "run-a" }))).toEqual([
        "run-a",
      ]);
    });

    test("a cancellation from outside wakes a run in any state, once a host has answered it not again", async () => {
      const { store, storage } = await openSeveral(1);
      const statuses: RunStatus[] = ["pending", "running", "completed", "failed"];
      for (const status of statuses) {
        await store.insert(sampleRun(status), leased);
        await store.commit([
          sampleCommit(status, {
            document: sampleRun(status, { status }),
            attention_at: status === "running" ? NOW + 10 * LEASE_MS : null,
          }),
        ]);
        await store.release([{ run_id: status, token: 1 }]);
      }
      expect(await claimedIds(store, claimBy("one"))).toEqual([]);
      for (const status of statuses) await storage.setStatus(status, "cancelled");
      expect(await claimedIds(store, claimBy("one"))).toEqual(statuses.toSorted());
      const answers = statuses.map((status) =>
        sampleCommit(status, {
          expect: { revision: 1, token: 2, status: "cancelled" },
          document: sampleRun(status, { status: "cancelled" }),
          attention_at: null,
        }),
      );
      expect(await store.commit(answers)).toEqual(statuses.map(() => ({ result: "committed" })));
      await store.release(statuses.map((run_id) => ({ run_id, token: 2, attention_at: null })));
      expect(await claimedIds(store, claimBy("one"))).toEqual([]);
    });
  });
}
