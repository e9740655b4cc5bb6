import type { Collection } from "mongodb";
import type { SharedNotes } from "../index.ts";
import { guarded } from "./client.ts";
import { isDuplicateKey } from "./errors.ts";
import { LIMITED } from "./record.ts";

export interface StoredNote {
  readonly _id: string;
  readonly revision: number;
  /** JSON text. */
  readonly value: string;
}

export const mongoShared = (notes: Collection<StoredNote>): SharedNotes => ({
  get: (name) =>
    guarded(async () => {
      const stands = await notes.findOne({ _id: name }, LIMITED);
      return stands === null
        ? { revision: 0, value: undefined }
        : { revision: stands.revision, value: JSON.parse(stands.value) as unknown };
    }),
  replace: (name, revision, value) =>
    guarded(async () => {
      const next = { revision: revision + 1, value: JSON.stringify(value) };
      if (revision > 0)
        return (
          (await notes.updateOne({ _id: name, revision }, { $set: next }, LIMITED)).matchedCount ===
          1
        );
      try {
        await notes.insertOne({ _id: name, ...next }, LIMITED);
        return true;
      } catch (thrown) {
        if (!isDuplicateKey(thrown)) throw thrown;
        return false;
      }
    }),
});
