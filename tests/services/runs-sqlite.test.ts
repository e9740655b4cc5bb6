import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteRuns } from "../../services/runs/sqlite.ts";
import { runsContract } from "./runs.contract.ts";
import { sampleRun } from "./runs-fixtures.ts";
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
  db.exec("DROP INDEX runs_queue_order; ALTER TABLE runs DROP COLUMN priority; ALTER TABLE inbox DROP COLUMN received_at; DROP TABLE mails");
  db.close();
  const again = await openSqliteRuns({ file });
  onTestFinished(() => again.close());
  expect(await again.get("run-a")).toMatchObject({ document: { run_id: "run-a" }, priority: 0 });
  expect(await again.setPriority("run-a", 2)).toBe(true);
});
