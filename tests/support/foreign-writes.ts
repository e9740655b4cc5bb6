import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Collection } from "mongodb";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";

/** What another program does to stored runs, by a connection of its own. */

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
export function sqliteWrites(db: DatabaseSync) {
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

export const mongoWrites = (runs: Collection) => ({
  async write(runId: string, fields: Fields): Promise<void> {
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
  insertRaw: async (fields: Fields): Promise<void> => void (await runs.insertOne({ ...fields })),
});

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
