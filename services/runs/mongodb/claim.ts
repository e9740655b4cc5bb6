import { randomUUID } from "node:crypto";
import type { Collection, Filter } from "mongodb";
import type { RunDocument, RunStatus } from "../document.ts";
import { COUNTED_QUEUE, type ClaimRequest, type RunRecord, type UserLoad } from "../index.ts";
import { isDuplicateKey } from "./errors.ts";
import { completeOutsideRun } from "./outside.ts";
import { firstState, LIMITED, toRecord, type StoredRun } from "./record.ts";

const UNCANCELLED: RunStatus[] = ["pending", "running", "completed", "failed"];
export const HAS_EVENTS: Filter<StoredRun> = { "inbox.id": { $gte: "" } };
export const CANCELLED_OUTSIDE: Filter<StoredRun> = {
  status: "cancelled",
  committed_status: { $in: UNCANCELLED },
};

const unleased = (now: number): Filter<StoredRun> => ({ "lease.expires_at": { $lte: now } });

/** Runs that need a host and have none; index-backed in each branch. */
const claimable = (now: number): Filter<StoredRun> => ({
  $or: [
    { ...unleased(now), attention_at: { $lte: now } },
    { ...unleased(now), ...HAS_EVENTS },
    { ...unleased(now), ...CANCELLED_OUTSIDE },
  ],
});

/**
 * A user's queued runs; a run without an address and one with an empty address are of the same
 * user.
 */
const queuedOf = (user: string | null, now: number): Filter<StoredRun> => ({
  status: "pending",
  user_email: user === null || user === "" ? { $in: [null, ""] } : user,
  "lease.expires_at": { $lte: now },
  attention_at: null,
});

/**
 * What may be claimed; a later choice counts when the earlier ones find nothing. A run with an
 * event can go on, the others mostly wait.
 */
function freeRuns({ now, run_id, queued_of }: ClaimRequest): readonly Filter<StoredRun>[] {
  if (run_id !== undefined) return [{ run_id, ...unleased(now) }];
  return queued_of === undefined
    ? [{ ...unleased(now), ...HAS_EVENTS }, claimable(now)]
    : [queuedOf(queued_of, now)];
}

const TAKEN_IN_AT_ONCE = 100;

const hasEnded = ({ completed_at }: RunDocument): boolean => completed_at !== null;

/**
 * Gives runs that another program inserted the rest of their fields: they are in the queue then,
 * or, cancelled meanwhile, to be ended by a host.
 */
async function takeInOutsideRuns(runs: Collection<StoredRun>, now: number): Promise<void> {
  const raw = {
    "lease.expires_at": null,
    attention_at: null,
    status: { $in: ["pending", "cancelled"] },
  } as unknown as Filter<StoredRun>;
  for (const stored of await runs.find(raw, { ...LIMITED, limit: TAKEN_IN_AT_ONCE }).toArray()) {
    const document = completeOutsideRun({ ...stored }, now);
    const one = { ...raw, _id: stored._id, status: stored.status };
    const committed_status = hasEnded(document) ? document.status : "pending";
    try {
      await runs.updateOne(
        one,
        { $set: { ...document, ...firstState(document, undefined), committed_status } },
        LIMITED,
      );
    } catch (thrown) {
      if (!isDuplicateKey(thrown)) throw thrown;
      await runs.updateOne(
        one,
        {
          $set: {
            status: "failed",
            error_message: `The id ${document.run_id} belongs to another run.`,
          },
        },
        LIMITED,
      );
    }
  }
}

export async function claimRuns(
  runs: Collection<StoredRun>,
  request: ClaimRequest,
): Promise<RunRecord[]> {
  if (request.limit < 1) return [];
  await takeInOutsideRuns(runs, request.now);
  for (const free of freeRuns(request)) {
    const claimed = await claimOf(runs, free, request);
    if (claimed.length > 0) return claimed;
  }
  return [];
}

async function claimOf(
  runs: Collection<StoredRun>,
  free: Filter<StoredRun>,
  { owner, now, lease_ms, limit, queued_of }: ClaimRequest,
): Promise<RunRecord[]> {
  const candidates = runs.find(free, { ...LIMITED, limit, projection: { run_id: 1 } });
  if (queued_of !== undefined) candidates.sort({ priority: -1, created_at: 1 });
  const ids = { run_id: { $in: (await candidates.toArray()).map(({ run_id }) => run_id) } };
  if (ids.run_id.$in.length === 0) return [];
  const claim = randomUUID();
  await runs.updateMany(
    { ...free, ...ids },
    {
      $set: { "lease.owner": owner, "lease.expires_at": now + lease_ms, "lease.claim": claim },
      $inc: { "lease.token": 1 },
    },
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

/**
 * Reads the index of pending and running runs: the cost grows with the queue, not with all stored
 * runs.
 */
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
  return found.map(({ _id, active, queued, queued_since }) => ({
    user_email: _id === "" ? null : _id,
    active,
    queued: Math.min(queued, COUNTED_QUEUE),
    queued_since,
  }));
}
