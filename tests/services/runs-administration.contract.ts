import { describe, expect, test } from "vitest";
import type { OutboxEntry } from "../../services/runs/index.ts";
import {
  cancelEvent,
  ids,
  LEASE_MS,
  leased,
  NOW,
  sampleCommit,
  sampleRun,
  USER,
  type OpenSeveral,
} from "./runs-fixtures.ts";

const LONG_AGO = 1_000;

/** The part of the run store's contract that operators rely on. */
export function administrationContract(openSeveral: OpenSeveral): void {
  describe("administration", () => {
    test("the queued run of highest priority is claimed first, then the oldest; other users are not concerned", async () => {
      const { store } = await openSeveral(1);
      for (const [index, id] of ids(5).entries())
        await store.insert(
          sampleRun(id, {
            created_at: new Date(NOW + index * 1_000).toISOString(),
            user_email: index < 4 ? USER : null,
          }),
        );
      expect(await store.setPriority("run-0002", 7)).toBe(true);
      expect(await store.setPriority("run-0000", -1)).toBe(true);
      expect(await store.setPriority("run-none", 1)).toBe(false);
      const claim = async (): Promise<string[]> =>
        (
          await store.claim({
            owner: "one",
            now: NOW,
            lease_ms: LEASE_MS,
            limit: 1,
            queued_of: USER,
          })
        ).map(({ document, priority }) => `${document.run_id} ${priority}`);
      expect([
        ...(await claim()),
        ...(await claim()),
        ...(await claim()),
        ...(await claim()),
      ]).toEqual(["run-0002 7", "run-0001 0", "run-0003 0", "run-0000 -1"]);
      expect(await claim()).toEqual([]);
    });

    test("a priority outlives commits", async () => {
      const { store } = await openSeveral(1);
      await store.insert(sampleRun("run-a"), leased);
      await store.setPriority("run-a", 3);
      await store.commit([sampleCommit("run-a")]);
      expect((await store.get("run-a"))?.priority).toBe(3);
    });

    test("what a user has waiting and has spent is that user's, and of the time that is asked for", async () => {
      const { store } = await openSeveral(1);
      const spending = (
        id: string,
        changes: Parameters<typeof sampleRun>[1],
        gpu_cost_usd: number,
        gpu_reserved_usd = 0,
      ) => {
        const document = sampleRun(id, changes);
        return store.insert({
          ...document,
          usage: { ...document.usage, gpu_cost_usd, ...(gpu_reserved_usd && { gpu_reserved_usd }) },
        });
      };
      const since = "2026-05-01T00:00:00.000Z";
      const before = "2026-04-30T23:59:59.999Z";
      await spending("r1", { user_email: USER, created_at: since }, 1.5);
      await spending("r2", { user_email: USER, created_at: since, status: "completed" }, 2);
      await spending("r3", { user_email: USER, created_at: before, status: "failed" }, 40);
      await spending("r4", { user_email: USER, created_at: before }, 0);
      await spending("r5", { user_email: null, created_at: since }, 100);
      await spending("r6", { user_email: USER, created_at: since, status: "running" }, 0.25, 12);
      await spending("r7", { user_email: USER, created_at: since, status: "running" }, 0.25, 0.5);
      await spending("r8", { user_email: USER, created_at: since, status: "failed" }, 0, 1_000);
      await spending("r9", { user_email: USER, created_at: before, status: "running" }, 0, 1_000);
      expect(await store.usedBy(USER, since)).toEqual({
        queued: 2,
        gpu_cost_usd: 4,
        gpu_reserved_usd: 12.5,
      });
      expect(await store.usedBy(null, since)).toEqual({
        queued: 1,
        gpu_cost_usd: 100,
        gpu_reserved_usd: 0,
      });
      expect(await store.usedBy("nobody@example.org", since)).toEqual({
        queued: 0,
        gpu_cost_usd: 0,
        gpu_reserved_usd: 0,
      });
    });

    test("runs that nobody takes up, events that nobody takes and rejected mails are stuck from their moment on", async () => {
      const { store } = await openSeveral(1);
      const now = Date.now();
      const held = { owner: "daemon", expires_at: now + LEASE_MS };
      const mail: OutboxEntry = {
        key: "k",
        kind: "run_failed",
        state: "rejected",
        attempts: 1,
        due_at: 0,
        problem: "No such address.",
      };
      for (const id of ["left", "held", "event", "mail", "rests", "stops", "stopped"])
        await store.insert(sampleRun(id), held);
      await store.insert(sampleRun("queued"));
      await store.commit([
        sampleCommit("left"),
        sampleCommit("held"),
        sampleCommit("event"),
        sampleCommit("mail", { outbox: [mail], attention_at: null }),
        sampleCommit("rests", { attention_at: null }),
        sampleCommit("stops", { document: { ...sampleRun("stops"), status: "cancelled" } }),
        sampleCommit("stopped", {
          document: { ...sampleRun("stopped"), status: "cancelled" },
          attention_at: null,
        }),
      ]);
      await store.release([
        { run_id: "left", token: 1 },
        { run_id: "rests", token: 1, attention_at: null },
        { run_id: "stopped", token: 1, attention_at: null },
        { run_id: "mail", token: 1, attention_at: null },
      ]);
      await store.deliver("event", cancelEvent("e1"));
      const stuck = async (before: number): Promise<string[]> =>
        (await store.stuck({ before, limit: 100 }))
          .map(({ record }) => record.document.run_id)
          .toSorted();
      expect(await stuck(LONG_AGO)).toEqual(["left", "mail", "stops"]);
      expect(await stuck(Date.now() + 1)).toEqual(["event", "left", "mail", "stops"]);
      expect(await stuck(now + LEASE_MS)).toEqual(["event", "held", "left", "mail", "stops"]);
      expect(await store.stuck({ before: now + LEASE_MS, limit: 2 })).toHaveLength(2);
      const event = (await store.stuck({ before: Date.now() + 1, limit: 100 })).find(
        ({ record }) => record.document.run_id === "event",
      );
      expect(event?.record).toEqual(await store.get("event"));
      expect(event?.event_since).toBeGreaterThanOrEqual(now);
      await store.commit([
        sampleCommit("event", {
          expect: { revision: 1, token: 1, status: "pending" },
          consumed: ["e1"],
        }),
      ]);
      expect(await stuck(Date.now() + 1)).toEqual(["left", "mail", "stops"]);
    });

    test("mails are found by their state, as it stands", async () => {
      const { store } = await openSeveral(1);
      const mail = (key: string, state: OutboxEntry["state"]): OutboxEntry => ({
        key,
        kind: "run_failed",
        state,
        attempts: 1,
        due_at: 5,
        problem: null,
      });
      for (const id of ["run-a", "run-b", "run-c"]) await store.insert(sampleRun(id), leased);
      await store.commit([
        sampleCommit("run-a", { outbox: [mail("a1", "sent"), mail("a2", "owed")] }),
        sampleCommit("run-b", { outbox: [mail("b1", "owed")] }),
        sampleCommit("run-c"),
      ]);
      const keys = async (state: OutboxEntry["state"]): Promise<string[]> =>
        (await store.mails({ state, limit: 10 }))
          .map(({ run_id, mail: { key } }) => `${run_id} ${key}`)
          .toSorted();
      expect([await keys("owed"), await keys("sent"), await keys("rejected")]).toEqual([
        ["run-a a2", "run-b b1"],
        ["run-a a1"],
        [],
      ]);
      await store.commit([
        sampleCommit("run-b", {
          expect: { revision: 1, token: 1, status: "pending" },
          outbox: [mail("b1", "rejected")],
        }),
      ]);
      expect([await keys("owed"), await keys("rejected")]).toEqual([["run-a a2"], ["run-b b1"]]);
      expect(await store.mails({ state: "rejected", limit: 10 })).toEqual([
        { run_id: "run-b", mail: mail("b1", "rejected") },
      ]);
    });
  });
}
