import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { MongoClient } from "mongodb";
import { onTestFinished } from "vitest";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
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

export type Fields = Readonly<Record<string, unknown>>;

/** Columns of SQLite; all else is in the document. */
const COLUMNS: ReadonlySet<string> = new Set([
  "run_id",
  "status",
  "snapshot",
  "machine",
  "revision",
  "outbox",
  "wake_at",
  "attention_at",
  "priority",
  "created_at",
  "user_email",
  "document",
]);
/** In SQLite these are texts of JSON. */
const TEXTS: ReadonlySet<string> = new Set(["machine", "outbox"]);

const columnOf = (name: string, value: unknown): SQLInputValue =>
  value === undefined || value === null
    ? null
    : typeof value === "number" || typeof value === "string"
      ? TEXTS.has(name) && typeof value === "number"
        ? String(value)
        : value
      : JSON.stringify(value);

/** What the column of the run becomes; undefined where the type of the column refuses the value. */
function sqliteWrites(db: DatabaseSync) {
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (thrown) {
      // The column has a type: the other program is refused.
      const { code, errcode } = thrown as { readonly code?: string; readonly errcode?: number };
      if (code !== "ERR_SQLITE_ERROR" || errcode === 1) throw thrown;
    }
  };
  return {
    write(runId: string, fields: Fields) {
      for (const [name, value] of Object.entries(fields)) {
        attempt(() => {
          if (name === "lease")
            db.prepare(
              "UPDATE runs SET lease_owner = NULL, lease_expires_at = NULL WHERE run_id = ?",
            ).run(runId);
          else if (name === "inbox")
            db.prepare(
              "INSERT INTO inbox (run_id, id, event, position) VALUES (?, 'foreign', ?, 0)",
            ).run(runId, columnOf(name, value) ?? "");
          else if (COLUMNS.has(name) && name !== "created_at" && name !== "user_email")
            db.prepare(`UPDATE runs SET ${name} = ? WHERE run_id = ?`).run(
              columnOf(name, value),
              runId,
            );
          else if (value === undefined)
            db.prepare("UPDATE runs SET document = json_remove(document, ?) WHERE run_id = ?").run(
              `$.${name}`,
              runId,
            );
          else
            db.prepare(
              "UPDATE runs SET document = json_set(document, ?, json(?)) WHERE run_id = ?",
            ).run(`$.${name}`, JSON.stringify(value), runId);
        });
      }
      return Promise.resolve();
    },
    insertRaw(fields: Fields) {
      const own = Object.entries(fields).filter(
        ([name]) => COLUMNS.has(name) && name !== "document",
      );
      const row = {
        revision: 0,
        created_at: new Date().toISOString(),
        document: JSON.stringify(fields),
        ...Object.fromEntries(own.map(([name, value]) => [name, columnOf(name, value)])),
      };
      const names = Object.keys(row);
      attempt(
        () =>
          void db
            .prepare(
              `INSERT INTO runs (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
            )
            .run(...Object.values(row)),
      );
      return Promise.resolve();
    },
  };
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
    async write(runId, fields) {
      const given = Object.entries(fields);
      const set = given.filter(([, value]) => value !== undefined);
      const unset = given.filter(([, value]) => value === undefined);
      await runs.updateOne(
        { run_id: runId },
        {
          ...(set.length === 0 ? {} : { $set: Object.fromEntries(set) }),
          ...(unset.length === 0
            ? {}
            : { $unset: Object.fromEntries(unset.map(([name]) => [name, ""])) }),
        },
      );
    },
    insertRaw: async (fields) => void (await runs.insertOne({ ...fields })),
  };
}

/** A run that a daemon has had and lost. */
export async function insertHeld(
  store: RunStore,
  document: RunDocument,
  snapshot: string,
  attention_at: number | null,
): Promise<void> {
  const { run_id } = document;
  await store.insert(
    { ...document, status: "pending" },
    { owner: "gone", expires_at: Date.now() + 60_000 },
  );
  await store.commit([
    {
      run_id,
      expect: { revision: 0, token: 1, status: "pending" },
      document,
      snapshot,
      machine: { id: "run", version: "1" },
      wake_at: null,
      attention_at,
      consumed: [],
      outbox: [],
      history: [],
    },
  ]);
  await store.takeOver("gone");
}
