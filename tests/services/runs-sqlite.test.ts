import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { openSqliteRuns } from "../../services/runs/sqlite.ts";
import { runsContract } from "./runs.contract.ts";
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
