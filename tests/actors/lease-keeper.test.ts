import { expect, test } from "vitest";
import type { RunHost } from "../../actors/host/run-host.ts";
import { createLeaseKeeper } from "../../actors/supervisor/lease-keeper.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { RunStore } from "../../services/runs/index.ts";

const LEASE_MS = 30_000;

function keeping(renew: (clock: ReturnType<typeof manualClock>) => ReturnType<RunStore["renew"]>) {
  const clock = manualClock(1_000);
  const asked: Parameters<RunStore["renew"]>[] = [];
  const lost: string[] = [];
  const until = new Map([
    ["r1", LEASE_MS],
    ["r2", LEASE_MS],
  ]);
  const hosts = [...until.keys()].map(
    (runId, place) =>
      ({
        runId,
        token: place + 1,
        leaseHolds: () => clock.now() < until.get(runId)!,
        renewed: (to: number) => void until.set(runId, to),
      }) as unknown as RunHost,
  );
  const keeper = createLeaseKeeper({
    store: {
      renew(...given) {
        asked.push(given);
        return renew(clock);
      },
    },
    clock,
    owner: "here",
    leaseMs: LEASE_MS,
    hosts: () => hosts,
    onLost: ({ runId }, why) => lost.push(`${runId} ${why}`),
  });
  return { asked, clock, keeper, lost, until };
}

test("a lease counts from the question: what the store needs to answer is not given on top", async () => {
  const { asked, clock, keeper, lost, until } = keeping(async (time) => {
    time.advance(9_000);
    return ["r1", "r2"];
  });
  await keeper.renew();
  expect(asked).toEqual([
    [
      "here",
      [
        { run_id: "r1", token: 1 },
        { run_id: "r2", token: 2 },
      ],
      1_000 + LEASE_MS,
    ],
  ]);
  expect([...until]).toEqual([
    ["r1", 1_000 + LEASE_MS],
    ["r2", 1_000 + LEASE_MS],
  ]);
  expect(lost).toEqual([]);
  expect(clock.waiting).toBe(0);
});

test("a lease that the store does not renew is lost, the others go on", async () => {
  const { keeper, lost } = keeping(async () => ["r2"]);
  await keeper.renew();
  expect(lost).toEqual(["r1 was given to another daemon"]);
});

test("a store that is silent for as long as the lease lasts loses it, before it has answered", async () => {
  const answer = Promise.withResolvers<string[]>();
  const { clock, keeper, lost } = keeping(() => answer.promise);
  const renewed = keeper.renew();
  clock.advance(LEASE_MS - 1);
  clock.advance(1);
  expect(lost).toEqual(["r1 could not be renewed in time", "r2 could not be renewed in time"]);
  answer.resolve([]);
  await renewed;
});

test("a store that fails loses only what has run out", async () => {
  const { clock, keeper, lost, until } = keeping(() => Promise.reject(new Error("gone")));
  until.set("r1", clock.now());
  await expect(keeper.renew()).rejects.toThrow("gone");
  expect(lost).toEqual(["r1 could not be renewed in time"]);
});

test.each([
  [0, 0],
  [50, 0],
  [51, 1],
])(
  "a time of day that ran %i ms ahead of time since the last renewal asks for %i more before a claim",
  async (ms, more) => {
    let ahead = 0;
    const clock = manualClock(1_000);
    let renewals = 0;
    const keeper = createLeaseKeeper({
      store: { renew: async () => (renewals++, ["r1"]) },
      clock: { ...clock, now: () => clock.now() + ahead },
      owner: "here",
      leaseMs: LEASE_MS,
      hosts: () => [{ runId: "r1", token: 1, renewed: () => undefined } as unknown as RunHost],
      onLost: () => undefined,
    });
    await keeper.renew();
    ahead = ms;
    clock.advance(9_000);
    await keeper.renewIfTimesPart();
    await keeper.renewIfTimesPart();
    expect(renewals).toBe(1 + more);
  },
);

test("a renewal that failed, or is not answered yet, counts for none: the next claim asks for one", async () => {
  let ahead = 0;
  const clock = manualClock(1_000);
  const answers: PromiseWithResolvers<string[]>[] = [];
  const keeper = createLeaseKeeper({
    store: {
      renew() {
        const answer = Promise.withResolvers<string[]>();
        answers.push(answer);
        return answer.promise;
      },
    },
    clock: { ...clock, now: () => clock.now() + ahead },
    owner: "here",
    leaseMs: LEASE_MS,
    hosts: () => [
      {
        runId: "r1",
        token: 1,
        renewed: () => undefined,
        leaseHolds: () => true,
      } as unknown as RunHost,
    ],
    onLost: () => undefined,
  });
  ahead = 60_000;
  const first = keeper.renew();
  const claim = keeper.renewIfTimesPart();
  expect(answers).toHaveLength(2);
  answers[0]?.reject(new Error("gone"));
  answers[1]?.reject(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  await expect(claim).rejects.toThrow("gone");
  const next = keeper.renewIfTimesPart();
  answers[2]?.resolve(["r1"]);
  await next;
  await keeper.renewIfTimesPart();
  expect(answers).toHaveLength(3);
});
