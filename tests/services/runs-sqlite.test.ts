import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { runsContract } from "./runs.contract.ts";
import { justInserted, sampleRun } from "./runs-fixtures.ts";
import { temporaryFolder } from "./temporary-folder.ts";

runsContract("SQLite", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  return {
    open: () => openSqliteRuns({ file }),
    setStatus: (runId, status) => {
      const db = new DatabaseSync(file);
      db.prepare("UPDATE runs SET status = ? WHERE run_id = ?").run(status, runId);
      db.close();
      return Promise.resolve();
    },
  };
});

test("a file of an earlier version gets the columns that it lacks, and keeps its runs", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const first = await openSqliteRuns({ file });
  await first.insert(sampleRun("run-a"));
  await first.close();
  const db = new DatabaseSync(file);
  db.exec(
    "DROP INDEX runs_queue_order; ALTER TABLE runs DROP COLUMN priority; ALTER TABLE inbox DROP COLUMN received_at; DROP TABLE mails; PRAGMA user_version = 0",
  );
  db.close();
  const again = await openSqliteRuns({ file });
  onTestFinished(() => again.close());
  expect(await again.get("run-a")).toStrictEqual(justInserted("run-a"));
  expect(await again.setPriority("run-a", 2)).toBe(true);
});

test("a process that stands still in the midst of a write does not keep others from opening and reading", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const first = await openSqliteRuns({ file });
  await first.insert(sampleRun("run-a"));
  await first.close();
  const still = new DatabaseSync(file);
  still.exec("BEGIN IMMEDIATE");
  const reader = await openSqliteRuns({ file });
  onTestFinished(() => reader.close());
  onTestFinished(() => still.close());
  expect(await reader.get("run-a")).toStrictEqual(justInserted("run-a"));
});

test("who opens a new file waits for the process that makes its tables", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const maker = new DatabaseSync(file);
  maker.exec("BEGIN EXCLUSIVE; CREATE TABLE other (column)");
  const opened = openSqliteRuns({ file });
  onTestFinished(async () => (await opened).close());
  const got = opened.then((runs) => runs.get("run-a"));
  // A second connection that is refused shows that the first holds the file still.
  const second = new DatabaseSync(file);
  expect(() => second.exec("BEGIN IMMEDIATE")).toThrow(/locked/);
  second.close();
  maker.exec("COMMIT");
  maker.close();
  expect(await got).toBeUndefined();
});
