import { expect, test } from "vitest";
import { createClaims } from "../../actors/supervisor/claims.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

const record = (runId: string): RunRecord => ({
  document: run(runId),
  snapshot: null,
  machine: null,
  revision: 0,
  lease: { owner: "here", token: 4, expires_at: 30_000 },
  wake_at: null,
  inbox: [],
  outbox: [],
  priority: 0,
});

test("skipped runs are released at the end, also when the store fails meanwhile", async () => {
  const released: Parameters<RunStore["release"]>[0][number][] = [];
  let requests = 0;
  const claims = createClaims({
    store: {
      async claim() {
        requests += 1;
        if (requests === 2) throw new Error("gone");
        return [record("r1")];
      },
      loads: async () => [],
      release: async (leases) => void released.push(...leases),
      renew: async () => [],
      setAside: async () => false,
    },
    clock: manualClock(),
    owner: "here",
    leaseMs: 30_000,
    limits: { maxActive: 1, maxActivePerUser: 1 },
    dispatch: undefined,
    skips: () => true,
    obstructed: () => false,
    host: () => {
      throw new Error("It is to be skipped.");
    },
    onTrouble: () => undefined,
  });
  await expect(claims.sweep()).rejects.toThrow("gone");
  expect(released).toEqual([{ run_id: "r1", token: 4 }]);
});
