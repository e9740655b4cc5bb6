import { expect, onTestFinished, test } from "vitest";
import { createCommitFeed } from "../../actors/watch/commit-feed.ts";
import { createRunWatcher } from "../../actors/watch/run-watcher.ts";
import { HaystackError } from "../../errors.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { leased, sampleCommit, sampleRun } from "../services/runs-fixtures.ts";
import { memoryRuns } from "../support/memory-runs.ts";

const POLL_MS = 250;

function watching(over: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const store = memoryRuns().open();
  const reads: number[] = [];
  const runs: RunStore = {
    ...store,
    async changes(since) {
      reads.push(since.length);
      return store.changes(since);
    },
    ...over(store),
  };
  const clock = manualClock(0);
  const troubles: HaystackError[] = [];
  const commits = createCommitFeed((error) => troubles.push(error));
  const watcher = createRunWatcher({
    runs,
    commits,
    clock,
    pollMs: POLL_MS,
    onTrouble: (error) => troubles.push(error),
  });
  onTestFinished(() => watcher.close());
  return { store, reads, clock, commits, watcher, troubles };
}

const commitOn = (revision: number, status: "running" | "completed" = "running") =>
  sampleCommit("run-a", {
    expect: { revision, token: 1, status: revision === 0 ? "pending" : "running" },
    document: sampleRun("run-a", {
      status,
      current_phase: status === "running" ? "inference" : null,
    }),
  });

test("one read serves all who watch a run; another host's commits show at the next look", async () => {
  const { store, reads, clock, watcher } = watching();
  await store.insert(sampleRun("run-a"), leased);
  let told = Promise.withResolvers<void>();
  const [first, second] = await Promise.all([
    watcher.watch("run-a", () => told.resolve()),
    watcher.watch("run-a", () => undefined),
  ]);
  expect(reads).toEqual([1]);
  await store.commit([commitOn(0)]);
  expect(first?.log).toHaveLength(0);
  clock.advance(POLL_MS);
  await told.promise;
  expect(first?.log.map(({ id }) => id)).toEqual(["1.0"]);
  expect(second?.log).toBe(first?.log);
  told = Promise.withResolvers();
  await store.commit([commitOn(1, "completed")]);
  await expect.poll(() => clock.waiting).toBe(1);
  clock.advance(POLL_MS);
  await told.promise;
  expect([first?.resting(), first?.document().status, first?.log.length]).toEqual([
    true,
    "completed",
    2,
  ]);
  first?.close();
  second?.close();
  await expect.poll(() => clock.waiting).toBe(1);
  const before = reads.length;
  clock.advance(POLL_MS * 10);
  expect(reads.length).toBe(before);
});

test("a commit here shows without waiting for the next look", async () => {
  const { store, commits, watcher } = watching();
  await store.insert(sampleRun("run-a"), leased);
  const told = Promise.withResolvers<void>();
  const watched = await watcher.watch("run-a", () => told.resolve());
  const commit = commitOn(0);
  await store.commit([commit]);
  commits.publish(commit.document, commit.history);
  await told.promise;
  expect(watched?.log).toHaveLength(1);
});

test("an event that waits keeps a resting run awake for its readers", async () => {
  const { store, watcher } = watching();
  await store.insert(sampleRun("run-a", { status: "failed", current_phase: "inference" }), leased);
  const before = await watcher.watch("run-a", () => undefined);
  expect(before?.resting()).toBe(true);
  before?.close();
  await store.deliver("run-a", { id: "retry", event: { type: "retry.requested" } });
  expect((await watcher.watch("run-a", () => undefined))?.resting()).toBe(false);
});

test.each(["before", "while"])(
  "who begins to watch sees what was stored %s others watch the run",
  async (moment) => {
    const begun = Promise.withResolvers<void>();
    const goesOn = Promise.withResolvers<void>();
    let holds = false;
    const { store, watcher } = watching((real) => ({
      async changes(since) {
        const read = await real.changes(since);
        begun.resolve();
        if (holds) await goesOn.promise;
        return read;
      },
    }));
    const failed = sampleRun("run-a", { status: "failed", current_phase: "inference" });
    await store.insert(failed, leased);
    holds = moment === "while";
    const first = watcher.watch("run-a", () => undefined);
    if (holds) await begun.promise;
    else expect((await first)?.resting()).toBe(true);
    await store.deliver("run-a", { id: "retry", event: { type: "retry.requested" } });
    const second = watcher.watch("run-a", () => undefined);
    goesOn.resolve();
    expect([(await second)?.resting(), (await first)?.resting()]).toEqual([false, false]);
  },
);

test("a log that is ahead of the run is shown when the run has caught up", async () => {
  const ahead = { revision: 2, at: 0, actor: "run", event: "later", from: "a", to: "b" };
  const { store, clock, watcher } = watching((real) => ({
    changes: async (since) =>
      (await real.changes(since)).map((changes) =>
        changes.revision === 1 ? { ...changes, history: [...changes.history, ahead] } : changes,
      ),
  }));
  await store.insert(sampleRun("run-a"), leased);
  await store.commit([commitOn(0)]);
  const told = Promise.withResolvers<void>();
  const watched = await watcher.watch("run-a", () => told.resolve());
  expect(watched?.log.map(({ id }) => id)).toEqual(["1.0"]);
  await store.commit([commitOn(1, "completed")]);
  clock.advance(POLL_MS);
  await told.promise;
  expect(watched?.log.map(({ id }) => id)).toEqual(["1.0", "2.0"]);
  expect(watched?.resting()).toBe(true);
});

test("an unknown run is undefined; a store that fails refuses the watch and recovers", async () => {
  let isDown = true;
  const { store, watcher, troubles } = watching((real) => ({
    changes: (since) =>
      isDown
        ? Promise.reject(new HaystackError("STORE_UNAVAILABLE", "planted"))
        : real.changes(since),
  }));
  await store.insert(sampleRun("run-a"), leased);
  await expect(watcher.watch("run-a", () => undefined)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  expect(troubles).toHaveLength(1);
  isDown = false;
  expect(await watcher.watch("run-none", () => undefined)).toBeUndefined();
  expect(await watcher.watch("run-a", () => undefined)).toBeDefined();
});
