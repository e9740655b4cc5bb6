import { BSON, type Filter } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import type { RunStore } from "../index.ts";
import { asideOperations, findRun, IS_ASIDE } from "./aside.ts";
import { CANCELLED_OUTSIDE, claimRuns, countEnded, HAS_EVENTS, userLoads } from "./claim.ts";
import { type ClientOptions, guarded, newClient } from "./client.ts";
import { countRuns, usedBy } from "./counts.ts";
import { commitGroup } from "./commit.ts";
import { checkVersion, touch } from "./database.ts";
import { isDuplicateKey, toStoreError } from "./errors.ts";
import {
  archiveTails,
  readChanges,
  readHistory,
  tailIsFull,
  type ArchivedHistory,
} from "./history.ts";
import { followNews, type Hints } from "./hints.ts";
import { deliverTo } from "./inbox.ts";
import { buildIndexes } from "./indexes.ts";
import { mongoPresence, type StoredPresence } from "./presence.ts";
import { journalOf, mongoRemoval, type StoredRemoval } from "./removal.ts";
import { mongoShared, type StoredNote } from "./shared.ts";
import { mailsOf, stuckRuns } from "./stuck.ts";
import { listFilter, placeOf } from "./list-filter.ts";
import {
  firstState,
  LIMITED,
  publicProjection,
  standingOf,
  toDocument,
  toInbox,
  toRecord,
  type StoredRun,
} from "./record.ts";
import { given } from "../../../given.ts";

interface JournalEntry {
  readonly _id: string;
  readonly value: string;
}

const journalKey = (runId: string, key: string): string => JSON.stringify([runId, key]);

/**
 * The store for production: a MongoDB database that several daemons and other programs share.
 * Writes are acknowledged by a majority and journalled. Errors: CONFIG_INVALID, STORE_UNAVAILABLE.
 */
export async function openMongoRuns({
  uri,
  database,
  onNotice,
  ...options
}: ClientOptions & {
  readonly uri: string;
  readonly database: string;
  /** Told in a sentence what takes long. */
  readonly onNotice?: (sentence: string) => void;
}): Promise<RunStore> {
  const client = newClient(uri, options);
  try {
    await checkVersion(client.db(database));
    await buildIndexes(client.db(database), uri, onNotice);
  } catch (thrown) {
    await client.close();
    throw toStoreError(thrown);
  }
  const db = client.db(database);
  const runs = db.collection<StoredRun>("runs");
  const archive = db.collection<ArchivedHistory>("run_history");
  const journal = db.collection<JournalEntry>("run_journal");
  const daemons = db.collection<StoredPresence>("daemons");
  const aside = asideOperations(runs);
  const deliver = deliverTo(runs);
  const archiving = new Set<Promise<void>>();
  const hinting = new Set<Hints>();

  /**
   * Beside the commits: a failure leaves the entries in the tail, and the next move takes them
   * along.
   */
  const archiveBeside = (runIds: readonly string[]): void => {
    if (runIds.length === 0) return;
    const moving = archiveTails(runs, archive, runIds)
      .catch(() => undefined)
      .finally(() => archiving.delete(moving));
    archiving.add(moving);
  };

  const renew: RunStore["renew"] = async (owner, leases, expiresAt) => {
    if (leases.length === 0) return [];
    const ours = ({ run_id, token }: (typeof leases)[number]) => ({
      run_id,
      "lease.owner": owner,
      "lease.token": token,
    });
    const { matchedCount } = await runs.bulkWrite(
      leases.map((lease) => ({
        updateOne: {
          filter: ours(lease),
          update: { $set: { "lease.expires_at": expiresAt, taking_up: 0, take_ups: 0 } },
        },
      })),
      { ordered: false, ...LIMITED },
    );
    if (matchedCount === leases.length) return leases.map(({ run_id }) => run_id);
    const held = await runs
      .find(
        { run_id: { $in: leases.map(({ run_id }) => run_id) }, "lease.owner": owner },
        { ...LIMITED, projection: { run_id: 1, lease: 1 } },
      )
      .toArray();
    const tokens = new Map(held.map(({ run_id, lease }) => [run_id, lease.token]));
    return leases
      .filter(({ run_id, token }) => tokens.get(run_id) === token)
      .map(({ run_id }) => run_id);
  };

  return {
    shared: mongoShared(db.collection<StoredNote>("shared")),
    removal: mongoRemoval(db, runs, db.collection<StoredRemoval>("run_removals")),
    insert: (document, lease) =>
      guarded(async () => {
        try {
          await runs.insertOne(
            { _id: document.run_id, ...document, ...firstState(document, lease) },
            LIMITED,
          );
        } catch (thrown) {
          if (!isDuplicateKey(thrown)) throw thrown;
          throw new HaystackError(
            "RUN_EXISTS",
            `A run with the id ${document.run_id} already exists; choose another id.`,
            { cause: thrown },
          );
        }
      }),
    get: (runId) =>
      guarded(async () => {
        const stored = await findRun(runs, runId);
        return stored === undefined ? undefined : toRecord(stored);
      }),
    list: (filter) =>
      guarded(async () => {
        const projection = { ...publicProjection, revision: 1, set_aside: 1 };
        const place = filter.before && (await placeOf(runs, filter.before));
        const found = runs
          .find(listFilter({ ...filter, ...given({ before: place }) }), { ...LIMITED, projection })
          .sort({ created_at: -1, run_id: -1 });
        return (await found.limit(filter.limit ?? 100).toArray()).map(toDocument);
      }),
    standings: (runIds) =>
      guarded(async () => {
        const found = await runs
          .find(
            { run_id: { $in: [...runIds] } },
            { ...LIMITED, projection: { run_id: 1, lease: 1, wake_at: 1, revision: 1 } },
          )
          .toArray();
        return found.map((stored) => ({ run_id: stored.run_id, ...standingOf(stored) }));
      }),
    history: (runId) => guarded(() => readHistory(runs, archive, runId)),
    changes: (since) => guarded(() => readChanges(runs, archive, since)),
    claim: (request) => guarded(() => claimRuns(runs, daemons, request)),
    setAside: (runId, why) => guarded(() => aside.setAside(runId, why)),
    unsetAside: (runId) => guarded(() => aside.unsetAside(runId)),
    cancelAside: (runId) => guarded(() => aside.cancelAside(runId)),
    setAsides: (limit) =>
      guarded(async () => {
        const found = runs.find(IS_ASIDE, { ...LIMITED, limit }).sort({ created_at: -1 });
        return (await found.toArray()).map(toRecord);
      }),
    raw: (runId) =>
      guarded(async () => {
        const run = await findRun(runs, runId);
        if (run === undefined) return undefined;
        const entries = await journal.find(journalOf(runId), LIMITED).toArray();
        return BSON.EJSON.serialize({
          run,
          history: await archive.find({ run_id: runId }, LIMITED).toArray(),
          journal: entries,
        });
      }),
    setPriority: (runId, priority) =>
      guarded(
        async () =>
          (await runs.updateOne({ run_id: runId }, { $set: { priority } }, LIMITED))
            .matchedCount === 1,
      ),
    stuck: (request) => guarded(() => stuckRuns(runs, request)),
    mails: (request) => guarded(() => mailsOf(runs, request)),
    loads: (now) => guarded(() => userLoads(runs, now)),
    counts: (now) => guarded(() => countRuns(runs, now)),
    usedBy: (userEmail, since) => guarded(() => usedBy(runs, userEmail, since)),
    takeOver: (owner) =>
      guarded(async () => {
        await countEnded(runs, { "lease.owner": owner });
        await runs.updateMany(
          { "lease.owner": owner },
          { $set: { "lease.owner": null, "lease.expires_at": 0 } },
          LIMITED,
        );
      }),
    renew: (owner, leases, expiresAt) => guarded(() => renew(owner, leases, expiresAt)),
    release: (leases) =>
      guarded(async () => {
        if (leases.length === 0) return;
        const updates = leases.map(({ run_id, token, attention_at }) => ({
          updateOne: {
            filter: { run_id, "lease.token": token },
            update: {
              $set: {
                "lease.owner": null,
                "lease.expires_at": 0,
                taking_up: 0,
                take_ups: 0,
                ...given({ attention_at }),
              },
            },
          },
        }));
        await runs.bulkWrite(updates, { ordered: false, ...LIMITED });
      }),
    commit: (commits) =>
      guarded(async () => {
        const outcomes = await commitGroup(runs, commits);
        const full = commits.filter(
          ({ expect }, index) =>
            outcomes[index]?.result === "committed" && tailIsFull(expect.revision),
        );
        archiveBeside(full.map(({ run_id }) => run_id));
        return outcomes;
      }),
    deliver: (runId, event) => guarded(() => deliver(runId, event)),
    pending: (owner) =>
      guarded(async () => {
        const filter: Filter<StoredRun> = {
          "lease.owner": owner,
          $or: [HAS_EVENTS, CANCELLED_OUTSIDE],
        };
        const found = await runs
          .find(filter, { ...LIMITED, projection: { run_id: 1, inbox: 1, status: 1 } })
          .toArray();
        return found.map((stored) => ({
          run_id: stored.run_id,
          inbox: toInbox(stored),
          status: stored.status,
        }));
      }),
    journalPut: (runId, key, value) =>
      guarded(async () => {
        const entry = { _id: journalKey(runId, key), value: JSON.stringify(value) };
        try {
          await journal.insertOne(entry, LIMITED);
          return JSON.parse(entry.value) as unknown;
        } catch (thrown) {
          if (!isDuplicateKey(thrown)) throw thrown;
          const stands = await journal.findOne({ _id: entry._id }, LIMITED);
          return JSON.parse((stands ?? entry).value) as unknown;
        }
      }),
    journalGet: (runId, key) =>
      guarded(async () => {
        const stands = await journal.findOne({ _id: journalKey(runId, key) }, LIMITED);
        return stands === null ? undefined : (JSON.parse(stands.value) as unknown);
      }),
    journal: (runId) =>
      guarded(async () => {
        const [from, until] = [`[${JSON.stringify(runId)},`, `[${JSON.stringify(runId)}-`];
        const stand = await journal.find({ _id: { $gte: from, $lt: until } }, LIMITED).toArray();
        return stand
          .map(({ _id, value }) => ({
            key: (JSON.parse(_id) as [string, string])[1],
            value: JSON.parse(value) as unknown,
          }))
          .toSorted((a, b) => (a.key < b.key ? -1 : 1));
      }),
    // A change stream keeps a connection of its own.
    ...(options.fewConnections === true
      ? {}
      : {
          hints(hint: () => void) {
            const hints = followNews(runs, hint);
            hinting.add(hints);
            return hints.end;
          },
        }),
    touch: (now) => guarded(() => touch(db, now)),
    presence: mongoPresence(daemons),
    async close() {
      for (const { end } of hinting) end();
      await Promise.all(archiving);
      await client.close();
      await Promise.all([...hinting].map(({ ended }) => ended));
    },
  };
}
