import type { Collection, IndexDescription } from "mongodb";
import { guarded } from "../runs/mongodb/client.ts";
import type { RunReader, RunShare, ShareStore } from "./index.ts";

export interface StoredShare extends RunShare {
  /** Of run and user: one there is of both. */
  readonly _id: string;
}

export const SHARES_INDEXES: readonly IndexDescription[] = [
  { name: "of_run", key: { run_id: 1, user: 1 } },
  { name: "with_user", key: { user: 1, shared_at: -1, run_id: -1 } },
];

const idOf = ({ run_id, user }: RunReader): string => JSON.stringify([run_id, user]);
const toShare = ({ run_id, user, shared_by, shared_at }: StoredShare): RunShare => ({
  run_id,
  user,
  shared_by,
  shared_at,
});

export function mongodbShares(shares: Collection<StoredShare>): ShareStore {
  return {
    share: ({ run_id, user, shared_by, shared_at }) =>
      guarded(
        async () =>
          void (await shares.updateOne(
            { _id: idOf({ run_id, user }) },
            { $setOnInsert: { run_id, user, shared_by, shared_at } },
            { upsert: true },
          )),
      ),
    unshare: (reader) =>
      guarded(async () => (await shares.deleteOne({ _id: idOf(reader) })).deletedCount > 0),
    sharesOf: (run_id) =>
      guarded(async () =>
        (
          await shares
            .find({ run_id: { $eq: run_id } })
            .sort({ user: 1 })
            .toArray()
        ).map(toShare),
      ),
    sharedWith: (user, limit) =>
      guarded(async () =>
        (
          await shares
            .find({ user: { $eq: user } })
            .sort({ shared_at: -1, run_id: -1 })
            .limit(limit)
            .toArray()
        ).map(toShare),
      ),
    standingShares: (readers) =>
      guarded(async () =>
        (await shares.find({ _id: { $in: readers.map(idOf) } }).toArray()).map(toShare),
      ),
    forgetSharesOf: (runIds) =>
      guarded(async () => void (await shares.deleteMany({ run_id: { $in: [...runIds] } }))),
    forgetSharesWith: (user) =>
      guarded(async () => (await shares.deleteMany({ user: { $eq: user } })).deletedCount),
  };
}
