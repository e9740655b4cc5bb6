import type { Collection, Db, Filter } from "mongodb";
import type { RunDocument } from "../document.ts";
import type { RunRemoval } from "../index.ts";
import { IS_ASIDE } from "./aside.ts";
import { guarded } from "./client.ts";
import { LIMITED, type StoredRun } from "./record.ts";

/** A removal under way: noted before the run goes, and forgotten when nothing of it is left. */
export interface StoredRemoval {
  readonly _id: string;
  readonly keeps_results: boolean;
  /** Milliseconds. */
  readonly at: number;
}

const ENDED = ["completed", "failed", "cancelled"] satisfies RunDocument["status"][];

/** It has ended and asks for nothing. */
const atRest = (runId: string, now: number): Filter<StoredRun> => ({
  run_id: runId,
  status: { $in: ENDED },
  committed_status: { $in: ENDED },
  attention_at: null,
  // Of a run that is set aside, no lease is left.
  "lease.expires_at": { $not: { $gt: now } },
  // Nobody takes the events of a run that is set aside.
  $or: [{ "inbox.id": { $exists: false } }, IS_ASIDE],
});

/** A run that ended where it was set aside has no time of its end. */
const endedBefore = (time: string): Filter<StoredRun> => ({
  $or: [
    { completed_at: { $lt: time } },
    { completed_at: null, ...IS_ASIDE, updated_at: { $lt: time } },
  ],
});

/** Ids of journal entries are JSON arrays that begin with the run. */
export const journalOf = (runId: string): Filter<{ readonly _id: string }> => {
  const start = `${JSON.stringify([runId]).slice(0, -1)},`;
  return { _id: { $gte: start, $lt: `${start}\u{10ffff}` } };
};

export function mongoRemoval(
  db: Db,
  runs: Collection<StoredRun>,
  removals: Collection<StoredRemoval>,
): RunRemoval {
  const journal = db.collection<{ readonly _id: string }>("run_journal");
  const archive = db.collection<{ readonly run_id: string }>("run_history");

  /** What the removal says is done to the run, unless it asks for something by now. */
  const perform = async ({ _id: runId, keeps_results, at }: StoredRemoval): Promise<boolean> => {
    const filter = atRest(runId, at);
    if (keeps_results) {
      const pruned = { $set: { pruned_at: new Date(at).toISOString() } };
      if ((await runs.updateOne(filter, pruned, LIMITED)).matchedCount === 0) return false;
    } else {
      if ((await runs.deleteOne(filter, LIMITED)).deletedCount === 0) return false;
      await archive.deleteMany({ run_id: runId }, LIMITED);
    }
    await journal.deleteMany(journalOf(runId), LIMITED);
    return true;
  };

  const stands = async (runId: string): Promise<boolean> =>
    (await runs.findOne({ run_id: runId }, { ...LIMITED, projection: { _id: 1 } })) !== null;

  const forget = async (runId: string): Promise<void> => {
    await removals.deleteOne({ _id: runId }, LIMITED);
  };

  return {
    ended: ({ ended_before, unpruned, limit, after }) =>
      guarded(async () => {
        const filter = {
          status: { $in: ENDED },
          created_at: { $lt: ended_before },
          ...(unpruned ? { pruned_at: { $exists: false } } : {}),
          $and: [
            endedBefore(ended_before),
            ...(after === undefined
              ? []
              : [
                  {
                    $or: [
                      { created_at: { $gt: after.created_at } },
                      { created_at: after.created_at, run_id: { $gt: after.run_id } },
                    ],
                  },
                ]),
          ],
        } as Filter<StoredRun>;
        const projection = { _id: 0, run_id: 1, user_email: 1, status: 1, created_at: 1 };
        return runs
          .find(filter, { ...LIMITED, projection })
          .sort({ created_at: 1, run_id: 1 })
          .limit(limit)
          .toArray();
      }),
    remove: ({ run_id, keeps_results, now }) =>
      guarded(async () => {
        if (!(await stands(run_id))) return "unknown_run";
        if ((await runs.findOne(atRest(run_id, now), LIMITED)) === null) return "busy";
        const removal = { _id: run_id, keeps_results, at: now };
        await removals.replaceOne({ _id: run_id }, removal, { ...LIMITED, upsert: true });
        if (await perform(removal)) return "removed";
        await forget(run_id);
        return "busy";
      }),
    leftovers: (limit) =>
      guarded(async () => {
        const left = [];
        for (const removal of await removals.find({}, { ...LIMITED, limit }).toArray()) {
          // One that stopped before the run was gone is done now, or forgotten if the run goes on.
          const isDone =
            (await perform(removal)) || (!removal.keeps_results && !(await stands(removal._id)));
          if (isDone) left.push({ run_id: removal._id, keeps_results: removal.keeps_results });
          else await forget(removal._id);
        }
        return left;
      }),
    cleared: (runId) => guarded(() => forget(runId)),
  };
}
