import { randomUUID } from "node:crypto";
import type { Collection, Filter } from "mongodb";
import type { RunStatus } from "./document.ts";
import { COUNTED_QUEUE, type ClaimRequest, type RunRecord, type UserLoad } from "./index.ts";
import { isDuplicateKey } from "./mongodb-errors.ts";
import { completeOutsideRun } from "./mongodb-outside.ts";
import { firstState, LIMITED, toRecord, type StoredRun } from "./mongodb-record.ts";

const UNCANCELLED: RunStatus[] = ["pending", "running", "completed", "failed"];
export const HAS_EVENTS: Filter<StoredRun> = { "inbox.id": { $gte: "" } };
export const CANCELLED_OUTSIDE: Filter<StoredRun> = { status: "cancelled", committed_status: { $in: UNCANCELLED } };

/** Runs that need a host and have none; index-backed in each branch. */
const claimable = (now: number): Filter<StoredRun> => {
  const unleased = { "lease.expires_at": { $lte: now } };
  return { $or: [{ ...unleased, attention_at: { $lte: now } }, { ...unleased, ...HAS_EVENTS }, { ...unleased, ...CANCELLED_OUTSIDE }] };
};

/** A user's queued runs; a run without an address and one with an empty address are of the same user. */
const queuedOf = (user: string | null, now: number): Filter<StoredRun> => ({
  status: "pending",
  user_email: user === null || user === "" ? { $in: [null, ""] } : user,
  "lease.expires_at": { $lte: now },
  attention_at: null,
});

function freeRuns({ now, run_id, queued_of }: ClaimRequest): Filter<StoredRun> {
  if (run_id !== undefined) return { run_id, "lease.expires_at": { $lte: now } };
  return queued_of === undefined ? claimable(now) : queuedOf(queued_of, now);
}

const TAKEN_IN_AT_ONCE = 100;

/** Gives runs that another program inserted the rest of their fields: they are in the queue then. */
async function takeInOutsideRuns(runs: Collection<StoredRun>, now: number): Promise<void> {
  const raw = { "lease.expires_at": null, attention_at: null, status: "pending" } as unknown as Filter<StoredRun>;
  for (const stored of await runs.find(raw, { ...LIMITED, limit: TAKEN_IN_AT_ONCE }).toArray()) {
    const document = completeOutsideRun({ ...stored }, now);
    const one = { ...raw, _id: stored._id };
    try {
      await runs.updateOne(one, { $set: { ...document, ...firstState(document, undefined) } }, LIMITED);
    } catch (thrown) {
      if (!isDuplicateKey(thrown)) throw thrown;
      await runs.updateOne(one, { $set: { status: "failed", error_message: `The id ${document.run_id} belongs to another run.` } }, LIMITED);
    }
  }
}

export async function claimRuns(runs: Collection<StoredRun>, request: ClaimRequest): Promise<RunRecord[]> {
  const { owner, now, lease_ms, limit } = request;
  if (limit < 1) return [];
  await takeInOutsideRuns(runs, now);
  const free = freeRuns(request);
  const candidates = runs.find(free, { ...LIMITED, limit, projection: { run_id: 1 } });
  if (request.queued_of !== undefined) candidates.sort({ created_at: 1 });
  const ids = { run_id: { $in: (await candidates.toArray()).map(({ run_id }) => run_id) } };
  if (ids.run_id.$in.length === 0) return [];
  const claim = randomUUID();
  await runs.updateMany(
    { ...free, ...ids },
    { $set: { "lease.owner": owner, "lease.expires_at": now + lease_ms, "lease.claim": claim }, $inc: { "lease.token": 1 } },
    LIMITED,
  );
  return (await runs.find({ ...ids, "lease.claim": claim }, LIMITED).toArray()).map(toRecord);
}

interface StoredLoad {
  readonly _id: string | null;
  readonly active: number;
  readonly queued: number;
  readonly queued_since: string | null;
}

/** Reads the index of pending and running runs: the cost grows with the queue, not with all stored runs. */
export async function userLoads(runs: Collection<StoredRun>, now: number): Promise<UserLoad[]> {
  await takeInOutsideRuns(runs, now);
  const leased = { $gt: ["$lease.expires_at", now] };
  const isDispatched = { $gt: ["$attention_at", 0] };
  const isActive = { $or: [{ $eq: ["$status", "running"] }, leased, isDispatched] };
  const found = await runs
    .aggregate<StoredLoad>(
      [
        { $match: { status: { $in: ["pending", "running"] } } },
        {
          $group: {
            _id: { $ifNull: ["$user_email", ""] },
            active: { $sum: { $cond: [isActive, 1, 0] } },
            queued: { $sum: { $cond: [isActive, 0, 1] } },
            queued_since: { $min: { $cond: [isActive, null, "$created_at"] } },
          },
        },
      ],
      LIMITED,
    )
    .toArray();
  return found.map(({ _id, active, queued, queued_since }) => ({ user_email: _id === "" ? null : _id, active, queued: Math.min(queued, COUNTED_QUEUE), queued_since }));
}
