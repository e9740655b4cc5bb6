import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/describe-with.ts";
import { SMALL_DISK } from "../support/real-parts.ts";
import { mountSmallDisk } from "../../bench/chaos-disk.ts";
import { lockSqliteRuns } from "../../services/runs/sqlite/lock.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { sampleRun } from "./runs-fixtures.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("the write-ahead log of a store that is left alone is emptied, and reading does not count as use", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const store = await openSqliteRuns({ file });
  onTestFinished(() => store.close());
  const logSize = async (): Promise<number> => (await stat(`${file}-wal`)).size;
  for (let index = 0; index < 50; index++) await store.insert(sampleRun(`run-${index}`));
  expect(await logSize()).toBeGreaterThan(100_000);
  const poll = async (): Promise<number> => {
    await store.pending("daemon");
    return logSize();
  };
  await expect.poll(poll, { timeout: 60_000, interval: 100 }).toBe(0);
  expect(await store.list({ limit: 100 })).toHaveLength(50);
});

test("a store that is only asked whether it can be written to empties its log, too", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const store = await openSqliteRuns({ file });
  onTestFinished(() => store.close());
  const logSize = async (): Promise<number> => (await stat(`${file}-wal`)).size;
  await expect.poll(logSize, { timeout: 60_000, interval: 100 }).toBe(0);
  await store.touch(0);
  expect(await logSize()).toBeGreaterThan(0);
  await expect.poll(logSize, { timeout: 60_000, interval: 100 }).toBe(0);
});

describeWith(SMALL_DISK)("on a small disk", () => {
  test("a store on a full disk is read and says that it cannot be written to, until the disk is free", async () => {
    const folder = join(await temporaryFolder(), "disk");
    const disk = mountSmallDisk(folder, 4);
    if (disk === undefined) throw new Error("No disk can be mounted here.");
    onTestFinished(() => disk.close());
    const store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
    onTestFinished(() => store.close());
    await store.insert(sampleRun("run-a"));
    await store.touch(0);
    const window = Promise.withResolvers<void>();
    const full = disk.fullUntil(window.promise);
    const other = join(folder, "other.sqlite");
    expect(() => lockSqliteRuns({ file: other })).toThrow("the disk is full");
    await expect(store.touch(0)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("the disk is full") as string,
    });
    expect(await store.list({ limit: 1 })).toHaveLength(1);
    window.resolve();
    await full;
    await store.touch(0);
    lockSqliteRuns({ file: other })();
  });
});
