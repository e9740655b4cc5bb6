import { describe, expect, test } from "vitest";
import type { RunStore } from "../../services/runs/index.ts";
import {
  cancelEvent,
  LEASE_MS,
  leased,
  NOW,
  sampleCommit,
  sampleRun,
  type OpenSeveral,
} from "./runs-fixtures.ts";

/** The part of the run store's contract that concerns events. */
export function inboxContract(openSeveral: OpenSeveral): void {
  describe("inbox (D5)", () => {
    test("events wait in order, once each, and are known after consumption", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"), leased);
      expect(await store.deliver("run-none", cancelEvent("e1"))).toBe("unknown_run");
      for (const id of ["e1", "e2", "e3"])
        expect(await store.deliver("run-a", cancelEvent(id))).toBe("stored");
      expect(await store.deliver("run-a", cancelEvent("e2"))).toBe("duplicate");
      expect((await store.get("run-a"))?.inbox).toEqual(["e1", "e2", "e3"].map(cancelEvent));
      await store.commit([sampleCommit("run-a", { consumed: ["e2", "e1"] })]);
      expect((await store.get("run-a"))?.inbox).toEqual([cancelEvent("e3")]);
      for (const id of ["e1", "e2", "e3"])
        expect(await store.deliver("run-a", cancelEvent(id))).toBe("duplicate");
      expect(await store.deliver("run-a", cancelEvent("e4"))).toBe("stored");
      expect((await store.get("run-a"))?.inbox).toEqual([cancelEvent("e3"), cancelEvent("e4")]);
    });

    test("one of many delivering the same event stores it", async () => {
      const { stores } = await openSeveral(8);
      await stores[0]?.insert(sampleRun("run-a"), leased);
      const results = await Promise.all(
        stores.map((store) => store.deliver("run-a", cancelEvent("e1"))),
      );
      expect(results.toSorted()).toEqual([
        ...Array.from({ length: 7 }, () => "duplicate"),
        "stored",
      ]);
      expect((await stores[0]?.get("run-a"))?.inbox).toHaveLength(1);
    });

    test("an event that arrives while others are consumed is kept", async () => {
      const { stores } = await openSeveral(2);
      const [host, source] = stores as readonly [RunStore, RunStore];
      await host.insert(sampleRun("run-a"), leased);
      for (let revision = 0; revision < 30; revision++) {
        await source.deliver("run-a", cancelEvent(`e${revision}`));
        const [[outcome], delivered] = await Promise.all([
          host.commit([
            sampleCommit("run-a", {
              expect: { revision, token: 1, status: "pending" },
              consumed: [`e${revision}`, `x${revision - 1}`],
            }),
          ]),
          source.deliver("run-a", cancelEvent(`x${revision}`)),
        ]);
        expect([outcome, delivered]).toEqual([{ result: "committed" }, "stored"]);
        expect((await host.get("run-a"))?.inbox).toEqual([cancelEvent(`x${revision}`)]);
      }
    });

    test("the host of a run hears of waiting events and of a cancellation from outside until a commit answers them", async () => {
      const { store, storage } = await openSeveral(1);
      await Promise.all(
        ["run-a", "run-b", "run-c"].map((id) => store.insert(sampleRun(id), leased)),
      );
      await store.insert(sampleRun("run-d"), { owner: "other", expires_at: NOW + LEASE_MS });
      await store.deliver("run-a", cancelEvent("e1"));
      await store.deliver("run-d", cancelEvent("e1"));
      await storage.setStatus("run-b", "cancelled");
      const pending = (await store.pending("daemon")).toSorted((a, b) =>
        a.run_id.localeCompare(b.run_id),
      );
      expect(pending).toEqual([
        { run_id: "run-a", inbox: [cancelEvent("e1")], status: "pending" },
        { run_id: "run-b", inbox: [], status: "cancelled" },
      ]);
      const cancelled = sampleRun("run-b", { status: "cancelled" });
      expect(
        await store.commit([
          sampleCommit("run-a", { consumed: ["e1"] }),
          sampleCommit("run-b", { document: cancelled }),
        ]),
      ).toEqual([
        { result: "committed" },
        { result: "conflict", revision: 0, token: 1, status: "cancelled" },
      ]);
      expect((await store.get("run-b"))?.document.status).toBe("cancelled");
      expect(
        await store.commit([
          sampleCommit("run-b", {
            expect: { revision: 0, token: 1, status: "cancelled" },
            document: cancelled,
          }),
        ]),
      ).toEqual([{ result: "committed" }]);
      expect(await store.pending("daemon")).toEqual([]);
    });
  });
}
