import type { Db } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import { isDuplicateKey } from "./errors.ts";
import { LIMITED } from "./record.ts";

/** What the database has beside the runs: indexes, the version of its form, and a note. */

export async function createIndexes(db: Db): Promise<void> {
  await db.collection("runs").createIndexes([
    { name: "run_id", key: { run_id: 1 }, unique: true, sparse: true },
    { name: "claim", key: { "lease.expires_at": 1, attention_at: 1, status: 1 } },
    { name: "owner", key: { "lease.owner": 1 } },
    { name: "queue", key: { status: 1, user_email: 1, created_at: 1, "lease.expires_at": 1 } },
    { name: "queue_order", key: { status: 1, user_email: 1, priority: -1, created_at: 1 } },
    { name: "mails", key: { "outbox.state": 1 } },
    { name: "events", key: { "inbox.id": 1, "lease.expires_at": 1 } },
    { name: "cancelled_outside", key: { status: 1, committed_status: 1 } },
    { name: "set_aside", key: { set_aside: 1 }, sparse: true },
    { name: "newest", key: { created_at: -1, run_id: -1 } },
    { name: "newest_of_status", key: { status: 1, created_at: -1, run_id: -1 } },
    { name: "newest_of_user", key: { user_email: 1, created_at: -1, run_id: -1 } },
  ]);
  await db.collection("daemons").createIndexes([{ name: "expiry", key: { expires_at: 1 } }]);
  await db
    .collection("run_history")
    .createIndexes([{ name: "last_commit", key: { run_id: 1, last_commit: 1 } }]);
}

/** The form of the documents; a later one is another release's. */
const VERSION = 1;

export async function checkVersion(db: Db): Promise<void> {
  const stands = await db
    .collection<{ readonly _id: string; readonly version: unknown }>("haystack")
    .findOneAndUpdate(
      { _id: "runs" },
      { $setOnInsert: { version: VERSION } },
      { ...LIMITED, upsert: true, returnDocument: "after" },
    );
  if (stands?.version === VERSION) return;
  throw new HaystackError(
    "STORE_VERSION_UNKNOWN",
    `The database ${db.databaseName} was written by a newer release or by another program; run that release, or set MONGODB_DATABASE to another name.`,
  );
}

export async function touch(db: Db, now: number): Promise<void> {
  const note = { $set: { at: now } };
  try {
    await db
      .collection<{ readonly _id: string }>("haystack")
      .updateOne({ _id: "touched" }, note, { ...LIMITED, upsert: true });
  } catch (thrown) {
    // Two that make the first note at the same time: one of them was written.
    if (!isDuplicateKey(thrown)) throw thrown;
  }
}
