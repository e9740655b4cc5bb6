import { describe, expect, test } from "vitest";
import { createPostponing } from "../../actors/host/postponing.ts";
import { type ErrorCode, HaystackError } from "../../errors.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { Postponement } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { statusOf } from "../../actors/run-details.ts";
import { attended, hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const MINUTE = 60_000;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const PATIENT = ["analyze", "prompt", "prepareJob", "evaluate", "output"] as const;
const PASSING = [
  "COMPUTE_ENDED",
  "DISK_FULL",
  "TOO_MANY_FILES",
  "STORE_UNAVAILABLE",
  "OBJECTS_UNAVAILABLE",
] as const;

/** Pauses of seconds are over at once. */
const hurrying: Clock = {
  ...systemClock,
  after: (ms, callback) => systemClock.after(ms >= 4_000 ? 1 : ms, callback),
};

/** A step of each kind fails so often before it succeeds. */
const failing = (step: string, code: ErrorCode, times: number) => {
  let left = times;
  const tries: string[] = [];
  return {
    tries,
    before(effect: string) {
      if (effect.split(":")[0] !== step) return;
      tries.push(effect);
      if (left-- > 0) throw new HaystackError(code, "The machine has no room; free some.");
    },
  };
};

describe.each(PATIENT)("a passing fault in %s", (step) => {
  test.each(PASSING)("%s: the step begins again until it succeeds", async (code) => {
    const store = await temporaryStore();
    const { before, tries } = failing(step, code, 3);
    const { supervisor, troubles } = await hostRuns(
      store,
      scriptedEffects({ now: Date.now, scores: [8], strategy: "query_as_control", before }),
      { clock: hurrying },
    );
    const settled = supervisor.settled("r1");
    await supervisor.submit(run("r1"));
    const document = await settled;
    expect(document).toMatchObject({ status: "completed", error: null });
    expect(document).not.toHaveProperty("postponed");
    expect(tries).toHaveLength(4);
    expect(troubles.map((trouble) => trouble.code)).toEqual([code, code, code]);
  });
});

test.each(["INTERNAL", "ATLAS_NOT_FOUND", "OBJECT_DAMAGED", "COMPUTE_OVER_TIME"] as const)(
  "%s is no passing fault: the run fails at once",
  async (code) => {
    const { before, tries } = failing("prompt", code, 1);
    const { supervisor } = await hostRuns(
      await temporaryStore(),
      scriptedEffects({ now: Date.now, before }),
    );
    const settled = supervisor.settled("r1");
    await supervisor.submit(run("r1"));
    expect(await settled).toMatchObject({ status: "failed", error: { code } });
    expect(tries).toHaveLength(1);
  },
);

test("a postponed run says why and until when, goes on in the next daemon, and is cancelled at once", async () => {
  const store = await temporaryStore();
  const { before, tries } = failing("evaluate", "DISK_FULL", 100);
  const effects = scriptedEffects({ now: Date.now, strategy: "query_as_control", before });
  const one = await hostRuns(store, effects, { owner: "one" });
  await one.supervisor.submit(run("r1"));
  const { postponed } = await one.committed("r1", (document) => document.postponed !== undefined);
  expect(postponed).toMatchObject({ step: "evaluate", code: "DISK_FULL" });
  expect(Date.parse(postponed!.try_at) - Date.parse(postponed!.since)).toBe(5_000);
  const record = (await store.get("r1"))!;
  expect(statusOf(record, Date.now()).waits_for).toBe(
    `the step evaluate, tried again at ${postponed!.try_at}: The machine has no room; free some.`,
  );
  await one.supervisor.stop();
  const two = await hostRuns(store, effects, { owner: "two" });
  const again = await two.committed("r1", (document) => document.postponed !== undefined);
  expect(again.postponed).toMatchObject({ since: postponed!.since });
  expect(tries).toHaveLength(2);
  const cancelled = two.committed("r1", ({ status }) => status === "cancelled");
  await two.supervisor.deliver("r1", { id: "cancel", event: { type: "cancel.requested" } });
  expect(await cancelled).not.toHaveProperty("postponed");
});

test.each([
  ["DISK_FULL", ["r1"]],
  ["TOO_MANY_FILES", ["r1"]],
  ["COMPUTE_ENDED", ["r1", "r2"]],
] as const)("%s: admitted meanwhile are %j", async (code, expected) => {
  const { port: inner, isIdle } = attended(await temporaryStore());
  let sweeps = 0;
  const store: RunStore = {
    ...inner,
    claim: (request) => ((sweeps += 1), inner.claim(request)),
  };
  let isThere = true;
  const before = (effect: string): void => {
    if (effect === "analyze" && isThere) throw new HaystackError(code, "There is no room.");
  };
  const clock = manualClock(Date.now());
  const { supervisor, committed } = await hostRuns(
    store,
    scriptedEffects({ now: Date.now, scores: [8], strategy: "query_as_control", before }),
    { clock, limits: { maxActive: 9, maxActivePerUser: 9 }, pollMs: 10 },
  );
  const passTime = async (ms: number) => {
    await nextTurn();
    if (isIdle()) clock.advance(ms);
  };
  /** Every sweep may take two claims and an admission. */
  const sweep = async () => {
    for (const wanted = sweeps + 12; sweeps < wanted;) await passTime(1);
  };
  await supervisor.submit(run("r1"));
  await sweep();
  await committed("r1", (document) => document.postponed !== undefined);
  await supervisor.submit(run("r2"));
  await sweep();
  const documents = await Promise.all(["r1", "r2"].map((id) => store.get(id)));
  expect(
    documents.flatMap((one) => (one?.document.status === "pending" ? [] : one?.document.run_id)),
  ).toEqual(expected);
  const both = Promise.all(
    ["r1", "r2"].map((id) => committed(id, ({ status }) => status === "completed")),
  );
  isThere = false;
  let isDone = false;
  void both.then(() => (isDone = true));
  while (!isDone) await passTime(1_000);
});

test("what a step waits for is shown while it waits, and no longer", async () => {
  const store = await temporaryStore();
  const limit = Promise.withResolvers<void>();
  const scripted = scriptedEffects({ now: Date.now, strategy: "query_as_control" });
  const until = Date.now() + 4 * MINUTE;
  const wait = {
    code: "MODEL_UNAVAILABLE",
    reason: "The language model m answered with status 429.",
    until,
  } as const;
  const { supervisor, committed } = await hostRuns(store, {
    ...scripted,
    async analyze(input, context) {
      context.waits?.(wait);
      await limit.promise;
      context.waits?.(null);
      return scripted.analyze(input, context);
    },
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await committed("r1", ({ postponed }) => postponed !== undefined)).toMatchObject({
    status: "running",
    postponed: {
      step: "analyze",
      code: wait.code,
      message: wait.reason,
      try_at: new Date(until).toISOString(),
    },
  });
  const { waits_for } = statusOf((await store.get("r1"))!, Date.now());
  expect(waits_for).toBe(
    `the step analyze, tried again at ${new Date(until).toISOString()}: ${wait.reason}`,
  );
  limit.resolve();
  await committed("r1", ({ postponed, status }) => status === "running" && postponed === undefined);
  expect(await settled).toMatchObject({ status: "completed" });
  expect(await settled).not.toHaveProperty("postponed");
});

describe("patience", () => {
  const tried = async (code: ErrorCode, stored?: Postponement) => {
    const clock = manualClock(1_800_000_000_000);
    const shown: (Postponement | undefined)[] = [];
    const postponing = createPostponing({
      clock,
      stored,
      changed: () => void shown.push(postponing.shown()),
      onTrouble: () => undefined,
    });
    const begun = clock.now();
    const at: number[] = [];
    let ended: unknown;
    const attempts = postponing
      .attempts("prompt", new AbortController().signal, async () => {
        at.push(clock.now() - begun);
        throw new HaystackError(code, "It is away; bring it back.");
      })
      .catch((thrown: unknown) => (ended = thrown));
    while (ended === undefined) {
      await nextTurn();
      if (ended === undefined && clock.waiting > 0) clock.advance(1_000);
    }
    await attempts;
    return { at, ended, shown };
  };

  test("ends: pauses grow, and what kept the step is said with the time", async () => {
    const { at, ended, shown } = await tried("COMPUTE_ENDED");
    const pauses = at.slice(1).map((time, index) => time - at[index]!);
    expect(pauses[0]).toBe(5_000);
    expect(pauses.slice(0, -1)).toEqual(pauses.slice(0, -1).toSorted((a, b) => a - b));
    expect(at.at(-1)).toBe(10 * MINUTE);
    expect(at.length).toBeLessThan(30);
    expect(ended).toMatchObject({
      code: "COMPUTE_ENDED",
      message: "It is away; bring it back (tried for 10 minutes).",
    });
    expect(new Set(shown.map((one) => one?.since)).size).toBe(1);
  });

  test("counts from the first host's fault, not from this one's", async () => {
    const stored = {
      step: "prompt",
      code: "COMPUTE_ENDED",
      message: "before",
      since: new Date(1_800_000_000_000 - 9 * MINUTE).toISOString(),
      try_at: new Date(1_800_000_000_000).toISOString(),
    } as const;
    expect((await tried("COMPUTE_ENDED", stored)).at.at(-1)).toBe(MINUTE);
    // A service's limit that was waited out says nothing of this fault.
    const limit = { ...stored, code: "MODEL_UNAVAILABLE" } as const;
    expect((await tried("COMPUTE_ENDED", limit)).at.at(-1)).toBe(10 * MINUTE);
    expect((await tried("COMPUTE_ENDED", { ...stored, step: "output" })).at.at(-1)).toBe(
      10 * MINUTE,
    );
  });
});
