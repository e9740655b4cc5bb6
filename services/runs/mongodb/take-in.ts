import type { Collection, Filter } from "mongodb";
import { recordRefused } from "../../../errors.ts";
import { FAR_MS, shownId } from "../damage.ts";
import { completeOutsideRun } from "../outside.ts";
import { asideOperations, NOT_ASIDE } from "./aside.ts";
import { isDuplicateKey, isRefusedWrite, refusedBecause } from "./errors.ts";
import { firstState, isOutside, LIMITED, toInbox, type StoredRun } from "./record.ts";

/**
 * What other programs wrote in a form that no claim would find: runs that they inserted are completed
 * or refused, private fields that they removed or changed are made again. Nothing is counted and
 * left.
 */

const TAKEN_IN_AT_ONCE = 100;

const anyOf = (...filters: readonly object[]): Filter<StoredRun> =>
  ({ $or: filters }) as unknown as Filter<StoredRun>;

const NO_TEXT = [
  "double",
  "int",
  "long",
  "decimal",
  "object",
  "array",
  "bool",
  "date",
  "timestamp",
  "objectId",
  "binData",
];
const NO_NUMBER = ["string", "object", "array", "bool", "date", "timestamp", "objectId", "binData"];

/** No lease, or none that could run out. */
const unclaimable = (now: number): Filter<StoredRun> =>
  anyOf(
    {
      "lease.expires_at": null,
      ...NOT_ASIDE,
      status: { $nin: ["completed", "failed"] },
    },
    { lease: { $type: "array" }, ...NOT_ASIDE, status: { $nin: ["completed", "failed"] } },
    { "lease.expires_at": { $type: NO_NUMBER }, ...NOT_ASIDE },
    { "lease.expires_at": { $gt: now + FAR_MS }, ...NOT_ASIDE },
  );

/** To be worked on, and nobody would look at them. */
const unseen = (now: number): Filter<StoredRun> =>
  anyOf(
    {
      status: "running",
      attention_at: null,
      "lease.expires_at": { $lte: now },
      ...NOT_ASIDE,
    },
    {
      status: { $in: ["pending", "running"] },
      attention_at: { $type: NO_NUMBER },
      "lease.expires_at": { $lte: now },
      ...NOT_ASIDE,
    },
    {
      status: { $in: ["pending", "running"] },
      attention_at: { $gt: now + FAR_MS },
      "lease.expires_at": { $lte: now },
      ...NOT_ASIDE,
    },
    {
      status: "pending",
      user_email: { $type: NO_TEXT },
      attention_at: null,
      "lease.expires_at": { $lte: now },
      ...NOT_ASIDE,
    },
  );

/** Lists are in the order of a text. */
const UNORDERED = anyOf({ created_at: null }, { created_at: { $type: NO_TEXT } });

/** Later than every lease that a host may still believe in. */
export const freshLease = (now: number): StoredRun["lease"] => ({
  owner: null,
  token: now,
  expires_at: 0,
  claim: null,
});

const timeOf = (raw: Readonly<Record<string, unknown>>, now: number): string => {
  const times = [raw["created_at"], raw["updated_at"], raw["started_at"]];
  const time = times
    .map((value) =>
      value instanceof Date ? value.getTime() : Date.parse(typeof value === "string" ? value : ""),
    )
    .find((value) => value >= 0 && new Date(value).toISOString().length === 24);
  return new Date(time ?? now).toISOString();
};

/**
 * A run that the server does not let change holds up no other one: it is set aside, or left as it is
 * where the server does not even take that.
 */
async function apart(
  runs: Collection<StoredRun>,
  stored: StoredRun,
  now: number,
  change: () => Promise<unknown>,
): Promise<void> {
  try {
    await change();
  } catch (thrown) {
    if (!isRefusedWrite(thrown)) throw thrown;
    const id = shownId(stored.run_id, stored._id);
    const { code, message } = recordRefused(id, refusedBecause(thrown));
    await asideOperations(runs)
      .setAside(id, { code, message, at: now })
      .catch((again: unknown) => {
        if (!isRefusedWrite(again)) throw again;
      });
  }
}

export async function takeInOutsideRuns(runs: Collection<StoredRun>, now: number): Promise<void> {
  const each = async (
    filter: Filter<StoredRun>,
    change: (stored: StoredRun) => Promise<unknown>,
  ): Promise<void> => {
    const found = await runs.find(filter, { ...LIMITED, limit: TAKEN_IN_AT_ONCE }).toArray();
    for (const stored of found) await apart(runs, stored, now, () => change(stored));
  };
  await each(unclaimable(now), (stored) =>
    isOutside(stored) ? takeIn(runs, stored, now) : giveLease(runs, stored, now),
  );
  await each(unseen(now), ({ _id, attention_at }) =>
    runs.updateOne(
      { _id, attention_at: attention_at ?? null },
      { $set: { attention_at: 0 } },
      LIMITED,
    ),
  );
  await each(UNORDERED, (stored) =>
    runs.updateOne(
      { _id: stored._id, created_at: stored.created_at ?? null },
      { $set: { created_at: timeOf({ ...stored }, now) } },
      LIMITED,
    ),
  );
}

/** A host that has it in memory meets another lease at its next commit, and stops. */
async function giveLease(
  runs: Collection<StoredRun>,
  { _id, lease, status }: StoredRun,
  now: number,
): Promise<void> {
  await runs.updateOne(
    { _id, lease: lease ?? null },
    {
      $set: {
        lease: freshLease(now),
        taking_up: 0,
        take_ups: 0,
        ...(status === "pending" ? {} : { attention_at: 0 }),
      },
    },
    LIMITED,
  );
}

/**
 * Gives a run that another program inserted the rest of its fields: it is in the queue then, or,
 * cancelled meanwhile, to be ended by a host, or refused.
 */
export async function takeIn(
  runs: Collection<StoredRun>,
  stored: StoredRun,
  now: number,
): Promise<void> {
  const one = {
    _id: stored._id,
    status: (stored.status as string | undefined) ?? null,
    revision: null,
    ...(Array.isArray(stored.lease)
      ? { lease: stored.lease }
      : {
          "lease.expires_at": (stored.lease as StoredRun["lease"] | undefined)?.expires_at ?? null,
        }),
  } as unknown as Filter<StoredRun>;
  const take = async (isTaken: boolean): Promise<void> => {
    const { document, outbox, history } = completeOutsideRun({ ...stored }, now, { isTaken });
    const hasEnded = document.completed_at !== null;
    const inbox = toInbox(stored).map(({ id, event }) => ({
      id,
      event: JSON.stringify(event),
      at: now,
    }));
    await runs.updateOne(
      one,
      {
        $set: {
          ...document,
          ...firstState(document, undefined),
          committed_status: hasEnded ? document.status : "pending",
          outbox,
          attention_at: outbox.length > 0 ? 0 : null,
          inbox,
          consumed: [],
          history: history.map((entry, place) => ({ ...entry, commit: -1, place })),
          taking_up: 0,
          take_ups: 0,
        },
      },
      LIMITED,
    );
  };
  try {
    await take(false);
  } catch (thrown) {
    if (!isDuplicateKey(thrown)) throw thrown;
    await take(true);
  }
}
