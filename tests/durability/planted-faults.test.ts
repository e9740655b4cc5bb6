import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createGroupCommit, type GroupCommit } from "../../actors/host/group-commit.ts";
import * as jobNames from "../../machines/job-id.ts";
import type { SteadyClock, TimeSource } from "../../services/clock/steady.ts";
import type { CommitOutcome, RunCommit, RunStore, UserLoad } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { withoutCompare } from "../services/runs-fixtures.ts";
import { planCells, runCells } from "../support/model/crash-matrix.ts";
import { followPath } from "../support/model/follow-path.ts";
import { expectInvariants } from "../support/model/invariants.ts";
import { inferenceJobPaths } from "../support/model/job-paths.ts";
import type { Act, ModelPath } from "../support/model/model-path.ts";
import { patienceFor } from "../support/model/patience.ts";
import { runPaths } from "../support/model/run-paths.ts";
import { steeredRun, type SteeredRunOptions } from "../support/model/steered-run.ts";
import { sharedSqlite } from "../support/shared-runs.ts";

/**
 * Each proof has been seen to fail: one fault at a time is planted into the store or into a part of
 * the supervisor.
 */

type StoreFault = (store: RunStore) => RunStore;
type Tail<List extends readonly unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;

const GATE = "../../actors/host/gate.ts";
const GROUP_COMMIT = "../../actors/host/group-commit.ts";
const WAKE_UPS = "../../actors/supervisor/wake-ups.ts";
const ADMISSION = "../../actors/supervisor/admission.ts";
const JOB_ID = "../../machines/job-id.ts";

/** Opened before the commit is acknowledged. */
const openGate = () => ({
  createGate: () => ({
    pass: () => Promise.resolve(),
    take: () => undefined,
    open: () => undefined,
    putBack: () => undefined,
    close: () => undefined,
  }),
});
const forgottenTimers = () => ({
  createWakeUps: () => ({ set: () => undefined, remove: () => undefined, clear: () => undefined }),
});

const unlimited = () => ({
  chooseAdmissions: (loads: readonly UserLoad[]) =>
    loads.flatMap(({ user_email, queued }) => Array.from({ length: queued }, () => user_email)),
});

/*
 * What a broken part keeps of the whole one is imported above: while other modules import a mocked
 * one at the same time, Vitest 5.1 may give its factory an original without exports. Each run is then
 * set aside, whatever was planted.
 */

/** The names of jobs forget the attempt. */
const oneNameForAll = () => ({
  ...jobNames,
  jobId: (runId: string, iteration: number, kind: string) =>
    `hs-${runId}-i${iteration}-${kind.charAt(0)}-a1`,
});

/** What the store cannot write now counts as refused. */
const takesFullDiskForRefusal = () => ({
  createGroupCommit: (
    store: RunStore,
    ...rest: Tail<Parameters<typeof createGroupCommit>>
  ): GroupCommit =>
    createGroupCommit(
      {
        commit: (commits) =>
          store.commit(commits).catch(() =>
            commits.map((): CommitOutcome => ({
              result: "refused",
              problem: "the disk is full",
            })),
          ),
      },
      ...rest,
    ),
});

/** Whose pauses end when the time of day says so. */
const wallClock = ({ wall, uptime, timer }: TimeSource): SteadyClock => {
  const at = (time: number, callback: () => void): (() => void) => {
    let forget = (): void => undefined;
    const look = (): void => (wall() < time ? arm() : callback());
    const arm = (): void => {
      forget = timer(Math.max(0, time - wall()), look);
    };
    arm();
    return () => forget();
  };
  return {
    now: wall,
    elapsed: wall,
    at,
    after: (ms, callback) => at(wall() + ms, callback),
    standing: () => ({ uptime: uptime(), shown: wall() }),
    resume: () => undefined,
  };
};

const acknowledgesBeforeStoring: StoreFault = (store) => ({
  ...store,
  deliver: () => Promise.resolve("stored"),
});
const neverRenews: StoreFault = (store) => ({
  ...store,
  renew: (_, leases) => Promise.resolve(leases.map(({ run_id }) => run_id)),
});
const forgetsMoney: StoreFault = (store) => ({
  ...store,
  async get(runId) {
    const record = await store.get(runId);
    return record === undefined
      ? undefined
      : {
          ...record,
          document: { ...record.document, usage: { ...record.document.usage, gpu_cost_usd: 0 } },
        };
  },
});
const forgetsConsumption: StoreFault = (store) => ({
  ...store,
  commit: (commits) => store.commit(commits.map((commit) => ({ ...commit, consumed: [] }))),
});

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
  vi.doUnmock(GROUP_COMMIT);
  vi.doUnmock(WAKE_UPS);
  vi.doUnmock(ADMISSION);
  vi.doUnmock(JOB_ID);
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
    ["a job that is begun when the run's money is spent", forgetsMoney, /^money/],
    ["a lease that is never renewed while its run goes on", neverRenews, /^(D9|outbox)/],
    [
      "events that are not consumed in the commit of their transition",
      forgetsConsumption,
      /^(D5|end|D1)/,
    ],
    ["a snapshot of an older state", writesOlderSnapshots, /^(D1|D6)/],
    [
      "a commit acknowledged before it is written",
      acknowledgesBeforeWriting,
      /^(D1|D2|D5|D9|outbox|end)/,
    ],
  ])("%s", async (_, fault, expected) => {
    expect(await firstViolation(fault)).toMatch(expected);
  });

  test("a clock that is the machine's own, when somebody sets it", async () => {
    const { simulate } = await import("../support/simulation/simulate.ts");
    const violations: string[] = [];
    for (let seed = 1; seed <= 200 && violations.length === 0; seed++)
      violations.push(...(await simulate(seed, { clockOf: wallClock })).violations);
    expect(violations[0]).toMatch(/^(end|D4|D8|D9|cancel)/);
  });

  test("a step that starts before its commit", async () => {
    vi.doMock(GATE, openGate);
    expect(await firstViolation()).toMatch(/^D2/);
  });

  test("forgotten timers", async () => {
    vi.doMock(WAKE_UPS, forgottenTimers);
    expect(await firstViolation()).toMatch(/^end/);
  });

  test("more runs that work than may", async () => {
    vi.doMock(ADMISSION, unlimited);
    expect(await firstViolation()).toMatch(/^admission/);
  });

  test("two attempts of one name", async () => {
    vi.doMock(JOB_ID, oneNameForAll);
    expect(await firstViolation()).toMatch(/^D4/);
  });
});

describe("the model-based proof and the crash matrix", () => {
  const openStore = async (): Promise<RunStore> => {
    const folder = await mkdtemp(join(tmpdir(), "haystack-faults-"));
    const store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
    onTestFinished(async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    });
    return store;
  };

  const paths = [...runPaths(), ...inferenceJobPaths()].toSorted(
    (a, b) => a.steps.length - b.steps.length,
  );
  const pathWith = (fits: (acts: readonly Act[]) => boolean): ModelPath => {
    const path = paths.find(({ steps }) => fits(steps.flatMap(({ acts }) => acts)));
    if (path === undefined) throw new Error("The model has no such path.");
    return path;
  };
  const cancelled = pathWith((acts) => acts.at(-1)?.kind === "event" && acts.length === 3);
  const timed = pathWith((acts) => acts.some(({ kind }) => kind === "tick"));
  const repeated = pathWith(
    (acts) =>
      acts.filter((act) => act.kind === "answer" && act.effect === "submitJob:prediction").length >
      1,
  );

  const brokenPart = async (part: string, broken: () => object): Promise<SteeredRunOptions> => {
    vi.resetModules();
    vi.doMock(part, broken);
    const [{ createSupervisor }, { bindRunMachine }] = await Promise.all([
      import("../../actors/supervisor/supervisor.ts"),
      import("../../actors/host/bind-run-machine.ts"),
    ]);
    return { create: createSupervisor, bind: bindRunMachine };
  };
  const brokenStore = (mutateStore: StoreFault) => async (): Promise<SteeredRunOptions> => ({
    mutateStore,
  });

  const inModel = async (path: ModelPath, options: SteeredRunOptions): Promise<string> => {
    const run = await steeredRun(await openStore(), "faulty", { ...options, config: path.config });
    const problem = await followPath(run, path, {
      onStep: (step) => expectInvariants(run, step),
    }).then(
      () => "nothing",
      (error: Error) => error.message,
    );
    return run.violations[0] ?? problem;
  };
  const inMatrix = async (path: ModelPath, options: SteeredRunOptions): Promise<string> => {
    const place = await sharedSqlite();
    const crashes = planCells([path]).flatMap((cells) => cells.crashes);
    for (const [cell, crash] of crashes.entries()) {
      const [problem] = await runCells(place, `cell-${cell}`, { path, crashes: [crash] }, options);
      if (problem !== undefined) return problem;
    }
    return "nothing";
  };

  test.each<[string, ModelPath, () => Promise<SteeredRunOptions>, RegExp, RegExp]>([
    ["a commit without compare-and-set", cancelled, brokenStore(withoutCompare), /^D3/, /: D3/],
    [
      "a step that starts before its commit",
      repeated,
      () => brokenPart(GATE, openGate),
      /^D2/,
      /: D2/,
    ],
    [
      "forgotten timers",
      timed,
      () => brokenPart(WAKE_UPS, forgottenTimers),
      /the commit after \{"kind":"tick"\} did not happen/,
      /the commit after \{"kind":"tick"\} did not happen/,
    ],
    [
      "an event acknowledged before it is stored",
      cancelled,
      brokenStore(acknowledgesBeforeStoring),
      /^D5/,
      /: D5/,
    ],
    [
      "events that are not consumed in the commit of their transition",
      cancelled,
      brokenStore(forgetsConsumption),
      /^D5/,
      /: inbox: \["event-/,
    ],
    [
      "a commit acknowledged before it is written",
      cancelled,
      brokenStore(acknowledgesBeforeWriting),
      /^D1: nothing is stored/,
      /: D3/,
    ],
    // In the matrix the run that is claimed again is not where the model is.
    [
      "a snapshot of an older state",
      cancelled,
      brokenStore(writesOlderSnapshots),
      /^D1/,
      /did not happen/,
    ],
    [
      "two attempts of one name",
      repeated,
      () => brokenPart(JOB_ID, oneNameForAll),
      /^D4/,
      /did not happen/,
    ],
  ])("notice %s", async (_, path, plant, byModel, byMatrix) => {
    const options = await plant();
    const patiently = (expected: RegExp): SteeredRunOptions => ({
      ...options,
      patienceMs: patienceFor(expected),
    });
    expect(await inModel(path, patiently(byModel))).toMatch(byModel);
    expect(await inMatrix(path, patiently(byMatrix))).toMatch(byMatrix);
  });

  test.each([
    ["cancelled", cancelled],
    ["timed", timed],
    ["repeated", repeated],
  ])("notice nothing where there is no fault: %s", async (_, path) => {
    expect([await inModel(path, {}), await inMatrix(path, {})]).toEqual(["nothing", "nothing"]);
  });

  test("the crash matrix notices a full disk that counts as a refusal", async () => {
    const expected = /^stopped on a full disk.*did not happen/;
    const options = await brokenPart(GROUP_COMMIT, takesFullDiskForRefusal);
    expect(await inMatrix(cancelled, { ...options, patienceMs: patienceFor(expected) })).toMatch(
      expected,
    );
  });
});
