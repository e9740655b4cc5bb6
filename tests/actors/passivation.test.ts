import { expect, test } from "vitest";
import type { RunHost } from "../../actors/host/run-host.ts";
import { createPassivation } from "../../actors/supervisor/passivation.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { RunStatus } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

function passivating() {
  const clock = manualClock(1_000);
  const done: string[] = [];
  const released: Parameters<RunStore["release"]>[0][number][] = [];
  const passivation = createPassivation({
    store: {
      async release(leases) {
        done.push("released");
        released.push(...leases);
      },
    },
    clock,
    passivateMs: 5_000,
    watchesJobs: false,
    isSending: ({ runId }) => runId === "mails",
    remove: () => void done.push("removed"),
  });
  const host = (runId: string, wakeAt: number | null, status: RunStatus = "running"): RunHost =>
    ({
      runId,
      token: 3,
      wakeAt: () => wakeAt,
      waiting: () => runId !== "works",
      document: () => ({ ...run(runId), status }),
      stop: async () => void done.push("stopped"),
    }) as unknown as RunHost;
  return { clock, done, host, passivation, released };
}

test("a run waits long when its time is further off than the limit; one that was asked for stays that long", () => {
  const { clock, host, passivation } = passivating();
  expect(passivation.waitsLong(host("r1", 6_000))).toBe(false);
  expect(passivation.waitsLong(host("r1", 6_001))).toBe(true);
  expect(passivation.waitsLong(host("r1", null))).toBe(true);
  expect(passivation.waitsLong(host("r1", 1_000, "pending"))).toBe(true);
  passivation.keep("r1");
  expect(passivation.waitsLong(host("r1", null))).toBe(false);
  expect(passivation.waitsLong(host("r2", null))).toBe(true);
  clock.advance(4_999);
  expect(passivation.waitsLong(host("r1", null))).toBe(false);
  clock.advance(1);
  expect(passivation.waitsLong(host("r1", null))).toBe(true);
  passivation.keep("r1");
  passivation.remove("r1");
  expect(passivation.waitsLong(host("r1", null))).toBe(true);
});

test("a run whose step or mail is under way does not wait", () => {
  const { host, passivation } = passivating();
  expect(["r1", "works", "mails"].map((id) => passivation.waits(host(id, null)))).toEqual([
    true,
    false,
    false,
  ]);
});

test("a run leaves memory before its lease is released; only passivation changes what it asks for", async () => {
  const { done, host, passivation, released } = passivating();
  await passivation.passivate(host("r1", 9_000), 9_000);
  await passivation.passivate(host("r2", null), null);
  await passivation.release(host("r3", 9_000));
  expect(released).toStrictEqual([
    { run_id: "r1", token: 3, attention_at: 9_000 },
    { run_id: "r2", token: 3, attention_at: null },
    { run_id: "r3", token: 3 },
  ]);
  expect(done.slice(0, 3)).toEqual(["removed", "stopped", "released"]);
});
