import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { RunCommit, RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite.ts";
import { withoutCompare } from "../services/runs-fixtures.ts";
import { planCells, runCells } from "../support/model/crash-matrix.ts";
import { followPath } from "../support/model/follow-path.ts";
import { runPaths } from "../support/model/run-paths.ts";
import { steeredRun } from "../support/model/steered-run.ts";

/** Each proof has been seen to fail: one fault at a time is planted into the store or into a part of the supervisor. */

type StoreFault = (store: RunStore) => RunStore;

const GATE = "../../actors/gate.ts";
const WAKE_UPS = "../../actors/wake-ups.ts";

/** Opened before the commit is acknowledged. */
const openGate = () => ({ createGate: () => ({ pass: () => Promise.resolve(), take: () => undefined, open: () => undefined, putBack: () => undefined, close: () => undefined }) });
const forgottenTimers = () => ({ createWakeUps: () => ({ set: () => undefined, forget: () => undefined, clear: () => undefined }) });

const acknowledgesBeforeStoring: StoreFault = (store) => ({ ...store, deliver: () => Promise.resolve("stored") });
const neverRenews: StoreFault = (store) => ({ ...store, renew: (_, leases) => Promise.resolve(leases.map(({ run_id }) => run_id)) });
const forgetsConsumption: StoreFault = (store) => ({ ...store, commit: (commits) => store.commit(commits.map((commit) => ({ ...commit, consumed: [] }))) });

/** Every second commit holds the snapshot of the commit before. */
function writesOlderSnapshots(store: RunStore): RunStore {
  const newest = new Map<string, string>();
  const older = (commit: RunCommit): RunCommit => {
    const before = newest.get(commit.run_id);
    newest.set(commit.run_id, commit.snapshot);
    return before === undefined ? commit : { ...commit, snapshot: before };
  };
  return { ...store, commit: (commits) => store.commit(commits.map(older)) };
}

/** Acknowledges a commit that is still in memory only; it is written with the next one. */
function acknowledgesBeforeWriting(store: RunStore): RunStore {
  let waiting: readonly RunCommit[] = [];
  return {
    ...store,
    async commit(commits) {
      for (const commit of waiting) await store.commit([commit]);
      waiting = commits;
      return commits.map(() => ({ result: "committed" }));
    },
  };
}

afterEach(() => {
  vi.doUnmock(GATE);
  vi.doUnmock(WAKE_UPS);
  vi.resetModules();
});

describe("the simulation notices", () => {
  const firstViolation = async (mutateStore?: StoreFault): Promise<string> => {
    vi.resetModules();
    const { simulate } = await import("../support/simulation/simulate.ts");
    for (let seed = 1; seed <= 40; seed++) {
      const { violations } = await simulate(seed, mutateStore === undefined ? {} : { mutateStore });
      if (violations[0] !== undefined) return violations[0];
    }
    return "nothing";
  };

  test("no fault where there is none", async () => {
    expect(await firstViolation()).toBe("nothing");
  });

  test.each<[string, StoreFault, RegExp]>([
    ["a commit without compare-and-set", withoutCompare, /^(D1|D4|D5|D9|outbox)/],
    ["an event acknowledged before it is stored", acknowledgesBeforeStoring, /^D5/],
    ["a lease that is never renewed while its run goes on", neverRenews, /^D9/],
    ["events that are not consumed in the commit of their transition", forgetsConsumption, /^(D5|end|D1)/],
    ["a snapshot of an older state", writesOlderSnapshots, /^(D1|D6)/],
    ["a commit acknowledged before it is written", acknowledgesBeforeWriting, /^(D1|D2|D5|D9|outbox|end)/],
  ])("%s", async (_, fault, expected) => {
    expect(await firstViolation(fault)).toMatch(expected);
  });

  test("a step that starts before its commit", async () => {
    vi.doMock(GATE, openGate);
    expect(await firstViolation()).toMatch(/^D2/);
  });

  test("forgotten timers", async () => {
    vi.doMock(WAKE_UPS, forgottenTimers);
    expect(await firstViolation()).toMatch(/^end/);
  });
});

describe("the model-based proof and the crash matrix notice", () => {
  const openStore = async (): Promise<RunStore> => {
    const folder = await mkdtemp(join(tmpdir(), "haystack-faults-"));
    const store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
    onTestFinished(async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    });
    return store;
  };
  const paths = runPaths();
  const longest = paths.toSorted((a, b) => b.steps.length - a.steps.length)[0];
  const cancelling = paths.find(({ steps }) => steps.at(-1)?.acts[0]?.kind === "event" && steps.length === 3);
  const firstOf = <Item>(item: Item | undefined): Item => {
    if (item === undefined) throw new Error("The model has no such path.");
    return item;
  };

  test("a step that starts before its commit", async () => {
    vi.resetModules();
    vi.doMock(GATE, openGate);
    const { createSupervisor } = await import("../../actors/supervisor.ts");
    const { bindRunMachine } = await import("../../actors/bind-run-machine.ts");
    const run = await steeredRun(await openStore(), "early", { create: createSupervisor, bind: bindRunMachine });
    await followPath(run, firstOf(longest)).catch(() => undefined);
    expect(run.violations[0]).toMatch(/^D2/);
  });

  test.each<[string, StoreFault]>([
    ["an event acknowledged before it is stored", acknowledgesBeforeStoring],
    ["a commit acknowledged before it is written", acknowledgesBeforeWriting],
    ["a snapshot of an older state", writesOlderSnapshots],
  ])("%s", async (_, mutateStore) => {
    const [cells] = planCells([firstOf(cancelling)]);
    const problems = await runCells(await openStore(), "faulty", firstOf(cells), { mutateStore, patienceMs: 1_000 });
    expect(problems).not.toEqual([]);
  });

  test("no fault where there is none", async () => {
    const [cells] = planCells([firstOf(cancelling)]);
    expect(await runCells(await openStore(), "sound", firstOf(cells))).toEqual([]);
  });
});
