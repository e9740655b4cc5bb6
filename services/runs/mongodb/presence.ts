import type { Collection } from "mongodb";
import type { DaemonPresence } from "../index.ts";
import { guarded } from "./client.ts";
import { LIMITED } from "./record.ts";

export interface StoredPresence {
  readonly _id: string;
  /** Milliseconds. */
  readonly expires_at: number;
}

/** Daemons of a shared database know of each other by a record that each renews. */
export const mongoPresence = (daemons: Collection<StoredPresence>): DaemonPresence => ({
  renew: (owner, now, expiresAt) =>
    guarded(async () => {
      const { upsertedCount } = await daemons.updateOne(
        { _id: owner },
        { $set: { expires_at: expiresAt } },
        { ...LIMITED, upsert: true },
      );
      // Names are new at every start: those of daemons that died go when one comes.
      if (upsertedCount > 0) await daemons.deleteMany({ expires_at: { $lt: now } }, LIMITED);
    }),
  end: (owner) =>
    guarded(async () => {
      await daemons.deleteOne({ _id: owner }, LIMITED);
    }),
  isAnyThere: (now) =>
    guarded(async () => (await daemons.findOne({ expires_at: { $gt: now } }, LIMITED)) !== null),
});
