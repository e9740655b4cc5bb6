import type { FastifyBaseLogger } from "fastify";
import { expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { audited, auditedForOthers } from "../../server/access/audited.ts";
import type { AuditEntry } from "../../services/access/index.ts";
import { manualClock } from "../../services/clock/manual.ts";

const identity = {
  owner: "root@example.org",
  role: "admin",
  credential: "t1",
  until: null,
} as const;

function auditing(refuse: (entry: AuditEntry) => boolean = () => false) {
  const entries: AuditEntry[] = [];
  const unrecorded: unknown[] = [];
  const clock = manualClock(5);
  const parts = {
    access: {
      async recordAudit(entry: AuditEntry) {
        if (refuse(entry)) throw new HaystackError("STORE_UNAVAILABLE", "The store is away.");
        entries.push(entry);
      },
    },
    clock,
    logger: { error: (told: unknown) => void unrecorded.push(told) } as FastifyBaseLogger,
  } as unknown as Parameters<typeof audited>[0];
  return { clock, entries, parts, unrecorded };
}

const entry = (at: number, outcome: string): AuditEntry => ({
  at,
  who: "root@example.org",
  credential: "t1",
  from: "192.0.2.7",
  action: "cancel",
  target: "r1",
  outcome,
});

test("who did what, when and how it ended is recorded: before the work, and after it", async () => {
  const { clock, entries, parts } = auditing();
  const work = async (): Promise<string> => {
    expect(entries).toEqual([entry(5, "begun")]);
    clock.advanceTo(9);
    return "result";
  };
  expect(await audited(parts)({ identity, ip: "192.0.2.7" }, "cancel", "r1", work)).toBe("result");
  expect(entries).toEqual([entry(5, "begun"), entry(9, "done")]);
});

test("work that fails is recorded by its error, and fails", async () => {
  const { entries, parts } = auditing();
  const refused = new HaystackError("RUN_STATE_FORBIDS", "It has ended.");
  await expect(
    audited(parts)({ identity, ip: "192.0.2.7" }, "cancel", "r1", () => Promise.reject(refused)),
  ).rejects.toBe(refused);
  expect(entries).toEqual([entry(5, "begun"), entry(5, "RUN_STATE_FORBIDS")]);
});

test("what cannot be recorded is not begun; an end that cannot be recorded is a line", async () => {
  let isBegun = false;
  const work = async (): Promise<void> => {
    isBegun = true;
  };
  const refusing = auditing(() => true);
  await expect(
    audited(refusing.parts)({ identity, ip: "192.0.2.7" }, "cancel", "r1", work),
  ).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  expect(isBegun).toBe(false);
  const later = auditing(({ outcome }) => outcome === "done");
  await audited(later.parts)({ identity, ip: "192.0.2.7" }, "cancel", "r1", work);
  expect(isBegun).toBe(true);
  expect(later.unrecorded).toHaveLength(1);
});

test("what one does with one's own run is not recorded, whatever the spelling of its address", async () => {
  const { entries, parts } = auditing();
  const audit = auditedForOthers(parts);
  const done = async (): Promise<void> => undefined;
  for (const user_email of ["root@example.org", "Root@Example.org"])
    await audit({ identity, ip: "192.0.2.7" }, "cancel", { run_id: "r1", user_email }, done);
  expect(entries).toEqual([]);
  await audit(
    { identity, ip: "192.0.2.7" },
    "cancel",
    { run_id: "r1", user_email: "ada@example.org" },
    done,
  );
  await audit({ identity, ip: "192.0.2.7" }, "cancel", { run_id: "r1", user_email: null }, done);
  expect(entries.map(({ outcome }) => outcome)).toEqual(["begun", "done", "begun", "done"]);
});
