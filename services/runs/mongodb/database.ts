import type { Db } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import { isDuplicateKey } from "./errors.ts";
import { LIMITED } from "./record.ts";

/** What the database has beside the runs: the version of its form, and a note. */

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
