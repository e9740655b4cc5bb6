import { randomUUID } from "node:crypto";
import type { Collection, Filter } from "mongodb";
import type { RunStatus } from "../document.ts";
import { COUNTED_QUEUE, type ClaimRequest, type RunRecord, type UserLoad } from "../index.ts";
import { readTime } from "../damage.ts";
import { NOT_ASIDE } from "./aside.ts";
import { isRefusedWrite } from "./errors.ts";
import { isOutside, LIMITED, toHostable, type StoredRun } from "./record.ts";
import type { StoredPresence } from "./presence.ts";
import { freshLease, takeIn, takeInOutsideRuns } from "./take-in.ts";

const UNCANCELLED: RunStatus[] = ["pending", "running", "completed", "failed"];
export const HAS_EVENTS: Filter<StoredRun> = { "inbox.id": { $gte: "" } };
export const CANCELLED_OUTSIDE: Filter<StoredRun> = {
  status: "cancelled",
  committed_status: { $in: UNCANCELLED },
};

const unleased = (now: number): Filter<StoredRun> => ({
  "lease.expires_at": { $lte: now },
  ...NOT_ASIDE,
});

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
  ...NOT_ASIDE,
});

/** Claims of a run that came to nothing. */
const takeUps = (suspects: boolean | undefined): Filter<StoredRun> =>
  suspects === undefined ? {} : { take_ups: suspects ? { $gt: 0 } : { $not: { $gt: 0 } } };

/**
 * What may be claimed; a later choice counts when the earlier ones find nothing. A run with an
 * event can go on, the others mostly wait.
 */
function freeRuns(request: ClaimRequest): readonly Filter<StoredRun>[] {
  const { now, run_id, queued_of, suspects } = request;
  if (run_id !== undefined) return [{ run_id, ...unleased(now) }];
  const choice =
    queued_of === undefined
      ? [{ ...unleased(now), ...HAS_EVENTS }, claimable(now)]
      : [queuedOf(queued_of, now)];
  return choice.map((free) => ({ ...free, ...takeUps(suspects) }));
}

/** A process that is gone has ended while it took these up. */
export async function countEnded(
  runs: Collection<StoredRun>,
  these: Filter<StoredRun>,
): Promise<void> {
  await runs.updateMany(
    { ...these, taking_up: 1 },
    { $inc: { take_ups: 1 }, $set: { taking_up: 0 } },
    LIMITED,
  );
}

export async function claimRuns(
  runs: Collection<StoredRun>,
  daemons: Collection<StoredPresence>,
  request: ClaimRequest,
): Promise<RunRecord[]> {
  if (request.limit < 1) return [];
  await takeInOutsideRuns(runs, request.now);
  for (const free of freeRuns(request)) {
    const claimed = await claimOf(runs, daemons, free, request);
    if (claimed.length > 0) return claimed;
  }
  return [];
}

async function claimOf(
  runs: Collection<StoredRun>,
  daemons: Collection<StoredPresence>,
  free: Filter<StoredRun>,
  { owner, now, lease_ms, limit, queued_of, suspects }: ClaimRequest,
): Promise<RunRecord[]> {
  const candidates = runs.find(free, { ...LIMITED, limit, projection: { taking_up: 1 } });
  if (queued_of !== undefined) candidates.sort({ priority: -1, created_at: 1 });
  else if (suspects === true) candidates.sort({ take_ups: 1 });
  const found = await candidates.toArray();
  const ids = found.map(({ _id }) => _id);
  if (ids.length === 0) return [];
  if (found.some(({ taking_up }) => taking_up === 1)) {
    const living = await daemons.find({ expires_at: { $gt: now } }, LIMITED).toArray();
    const present = [owner, ...living.map(({ _id }) => _id)];
    await countEnded(runs, { ...free, _id: { $in: ids }, "lease.owner": { $nin: present } });
  }
  const claim = randomUUID();
  const take = (some: readonly string[]) =>
    runs.updateMany(
      { ...free, _id: { $in: [...some] } },
      {
        $set: {
          "lease.owner": owner,
          "lease.expires_at": now + lease_ms,
          "lease.claim": claim,
          taking_up: 1,
        },
        $inc: { "lease.token": 1 },
      },
      LIMITED,
    );
  try {
    await take(ids);
  } catch (thrown) {
    if (!isRefusedWrite(thrown)) throw thrown;
    for (const id of ids) await takeAlone(id, take);
  }
  const claimed = await runs.find({ _id: { $in: ids }, "lease.claim": claim }, LIMITED).toArray();
  // Another program has replaced the whole of it; the next look finds it in the queue.
  for (const stored of claimed.filter(isOutside)) await takeIn(runs, stored, now);
  return claimed.filter((stored) => !isOutside(stored)).map(toHostable);

  /** One whose lease or counter has another form is made claimable; the next look takes it. */
  async function takeAlone(id: string, takeOf: typeof take): Promise<void> {
    try {
      await takeOf([id]);
    } catch (thrown) {
      if (!isRefusedWrite(thrown)) throw thrown;
      await runs.updateOne(
        { _id: id },
        { $set: { lease: freshLease(now), taking_up: 0, take_ups: 0 } },
        LIMITED,
      );
    }
  }
}

interface StoredLoad {
  /** Of another type in what the next look repairs. */
  readonly _id: unknown;
  readonly active: number;
  readonly queued: number;
  readonly queued_since: string | null;
}

/**
 * Reads the index `loads` alone: the cost grows with the queue, not with all stored runs, and no run
 * is fetched. A comparison with null would need the run itself, so runs that are set aside are left
 * out by an expression.
 */
export async function userLoads(runs: Collection<StoredRun>, now: number): Promise<UserLoad[]> {
  await takeInOutsideRuns(runs, now);
  const leased = { $gt: ["$lease.expires_at", now] };
  const isDispatched = { $gt: ["$attention_at", 0] };
  const isActive = { $or: [{ $eq: ["$status", "running"] }, leased, isDispatched] };
  const isThere = { $eq: [{ $ifNull: ["$set_aside.at", null] }, null] };
  const found = await runs
    .aggregate<StoredLoad>(
      [
        { $match: { status: { $in: ["pending", "running"] } } },
        {
          $group: {
            _id: { $ifNull: ["$user_email", ""] },
            active: { $sum: { $cond: [{ $and: [isThere, isActive] }, 1, 0] } },
            queued: { $sum: { $cond: [{ $and: [isThere, { $not: [isActive] }] }, 1, 0] } },
            queued_since: {
              $min: { $cond: [{ $and: [isThere, { $not: [isActive] }] }, "$created_at", null] },
            },
          },
        },
        { $match: { $or: [{ active: { $gt: 0 } }, { queued: { $gt: 0 } }] } },
      ],
      LIMITED,
    )
    .toArray();
  return found.flatMap(({ _id, active, queued, queued_since }) =>
    typeof _id !== "string"
      ? []
      : [
          {
            user_email: _id === "" ? null : _id,
            active,
            queued: Math.min(queued, COUNTED_QUEUE),
            queued_since: readTime(queued_since),
          },
        ],
  );
}
