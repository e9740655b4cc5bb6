import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import { onTestFinished } from "vitest";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { mongoWrites, sqliteWrites, type Fields } from "./foreign-writes.ts";
import { temporaryFolder } from "./hosted-runs.ts";

/** A store, and what another program does to it by a connection of its own. */
export interface SharedRuns {
  readonly store: RunStore;
  insert(run: RunDocument): Promise<unknown>;
  setStatus(runId: string, status: string): unknown;
  /** Writes fields of a stored run, its private ones too; undefined removes one. */
  write(runId: string, fields: Fields): Promise<void>;
  /** Inserts a run with just these fields, as far as the store takes such. */
  insertRaw(fields: Fields): Promise<void>;
}

export async function sharedSqlite(): Promise<SharedRuns> {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const store = await openSqliteRuns({ file });
  await store.list({});
  const other = new DatabaseSync(file, { timeout: 5_000 });
  onTestFinished(async () => {
    other.close();
    await store.close();
  });
  return {
    store,
    insert: (run) => store.insert(run),
    setStatus: (runId, status) =>
      other.prepare("UPDATE runs SET status = ? WHERE run_id = ?").run(status, runId),
    ...sqliteWrites(other),
  };
}

/** On a fresh database of the server. */
export async function sharedMongodb(uri: string): Promise<SharedRuns> {
  const database = `haystack_test_${randomUUID().slice(0, 8)}`;
  const store = await openMongoRuns({ uri, database });
  const other = new MongoClient(uri);
  onTestFinished(async () => {
    await store.close();
    await other.db(database).dropDatabase();
    await other.close();
  });
  const runs = other.db(database).collection("runs");
  return {
    store,
    insert: ({ run_id, query, status, user_email }) =>
      runs.insertOne({ run_id, query, status, user_email }),
    setStatus: (runId, status) => runs.updateOne({ run_id: runId }, { $set: { status } }),
    ...mongoWrites(runs),
  };
}
