import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
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
