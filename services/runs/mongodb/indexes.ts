import type { Db, IndexDescription } from "mongodb";
import { newClient } from "./client.ts";

/**
 * The indexes of the collections. A start makes those that are missing, which takes minutes on a
 * large collection: by a client of its own, whose operations have the time for it.
 */
const INDEXES: Readonly<Record<string, readonly IndexDescription[]>> = {
  runs: [
    { name: "run_id", key: { run_id: 1 }, unique: true, sparse: true },
    { name: "claim", key: { "lease.expires_at": 1, attention_at: 1, status: 1 } },
    // Leases that are lists, of which there should be none.
    {
      name: "lease_lists",
      key: { lease: 1 },
      partialFilterExpression: { lease: { $type: "array" } },
    },
    { name: "owner", key: { "lease.owner": 1 } },
    // Everything that `userLoads` looks at, so that it reads no run.
    {
      name: "loads",
      key: {
        status: 1,
        user_email: 1,
        created_at: 1,
        "lease.expires_at": 1,
        attention_at: 1,
        "set_aside.at": 1,
      },
    },
    { name: "queue_order", key: { status: 1, user_email: 1, priority: -1, created_at: 1 } },
    { name: "mails", key: { "outbox.state": 1 } },
    { name: "events", key: { "inbox.id": 1, "lease.expires_at": 1 } },
    { name: "cancelled_outside", key: { status: 1, committed_status: 1 } },
    { name: "set_aside", key: { set_aside: 1 }, sparse: true },
    { name: "newest", key: { created_at: -1, run_id: -1 } },
    { name: "newest_of_status", key: { status: 1, created_at: -1, run_id: -1 } },
    { name: "newest_of_user", key: { user_email: 1, created_at: -1, run_id: -1 } },
  ],
  daemons: [{ name: "expiry", key: { expires_at: 1 } }],
  run_history: [{ name: "last_commit", key: { run_id: 1, last_commit: 1 } }],
};

const BUILD_MS = 2 * 3_600_000;

/** Those of the list that the collection does not have. */
async function missingOf(
  db: Db,
  collection: string,
  indexes: readonly IndexDescription[],
): Promise<readonly IndexDescription[]> {
  const [stands] = await db.listCollections({ name: collection }, { nameOnly: true }).toArray();
  if (stands === undefined) return indexes;
  const names = new Set((await db.collection(collection).indexes()).map(({ name }) => name));
  return indexes.filter(({ name }) => !names.has(name));
}

export async function buildIndexes(
  db: Db,
  uri: string,
  onNotice: (sentence: string) => void = () => undefined,
): Promise<void> {
  for (const [collection, indexes] of Object.entries(INDEXES)) {
    const missing = await missingOf(db, collection, indexes);
    if (missing.length === 0) continue;
    const documents = await db.collection(collection).estimatedDocumentCount();
    if (documents > 0)
      onNotice(
        `MongoDB makes ${missing.length === 1 ? "the index" : "the indexes"} ${missing.map(({ name }) => name).join(", ")} of ${documents} documents in ${db.databaseName}.${collection}; this may take minutes, and the start waits for it.`,
      );
    const patient = newClient(uri, { operationMs: BUILD_MS, fewConnections: true });
    try {
      await patient
        .db(db.databaseName)
        .collection(collection)
        .createIndexes([...missing], { maxTimeMS: BUILD_MS });
    } finally {
      await patient.close();
    }
  }
}
