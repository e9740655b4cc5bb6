import { expect, test } from "vitest";
import { createClaims, type ClaimsOptions } from "../../actors/supervisor/claims.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

const LEASE_MS = 30_000;

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

function claimsOn(
  store: Partial<ClaimsOptions["store"]>,
  more: Partial<Omit<ClaimsOptions, "store">> = {},
) {
  return createClaims({
    store: {
      claim: async () => [],
      loads: async () => [],
      release: async () => undefined,
      renew: async () => [],
      setAside: async () => false,
      ...store,
    },
    clock: manualClock(),
    owner: "here",
    leaseMs: LEASE_MS,
    limits: { maxActive: 1, maxActivePerUser: 1 },
    dispatch: undefined,
    beforeClaim: async () => undefined,
    skips: () => false,
    obstructed: () => false,
    host: () => undefined,
    onTrouble: () => undefined,
    ...more,
  });
}

test("skipped runs are released at the end, also when the store fails meanwhile", async () => {
  const released: Parameters<RunStore["release"]>[0][number][] = [];
  let requests = 0;
  const claims = claimsOn(
    {
      async claim() {
        requests += 1;
        if (requests === 2) throw new Error("gone");
        return [record("r1")];
      },
      release: async (leases) => void released.push(...leases),
    },
    {
      skips: () => true,
      host: () => {
        throw new Error("It is to be skipped.");
      },
    },
  );
  await expect(claims.sweep()).rejects.toThrow("gone");
  expect(released).toEqual([{ run_id: "r1", token: 4 }]);
});

test.each([
  [LEASE_MS - 1, ["r1"]],
  [LEASE_MS, []],
])("of a claim answered after %i ms of a lease of 30,000 it hosts %j", async (ms, expected) => {
  const clock = manualClock();
  const hosted: string[] = [];
  let requests = 0;
  const claims = claimsOn(
    {
      async claim() {
        requests += 1;
        if (requests > 1) return [];
        clock.advance(ms);
        return [record("r1")];
      },
    },
    { clock, host: ({ document }) => void hosted.push(document.run_id) },
  );
  await claims.sweep();
  expect(hosted).toEqual(expected);
});
