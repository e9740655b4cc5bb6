import { setTimeout as pause } from "node:timers/promises";
import type { ChangeStream, Collection, Document } from "mongodb";

/**
 * The change stream of the runs, where the server has one: it tells a host to look at once. Hosts
 * look now and then all the same.
 */

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;

/** Keys of changed fields have their path in them, like `inbox.3`. */
const changedFields = { $objectToArray: { $ifNull: ["$updateDescription.updatedFields", {}] } };
const isNews = {
  $in: [{ $arrayElemAt: [{ $split: ["$$field.k", "."] }, 0] }, ["inbox", "status"]],
};

/**
 * Runs that nobody hosts, events, and statuses of other programs. Every commit names itself, so
 * none of a host's matches, nor do its leases.
 */
const NEWS_OF_OTHERS: readonly Document[] = [
  {
    $match: {
      $or: [
        { operationType: "insert", "fullDocument.lease.owner": null },
        { operationType: "replace" },
        {
          operationType: "update",
          "updateDescription.updatedFields.commit_id": { $exists: false },
          $expr: { $anyElementTrue: [{ $map: { input: changedFields, as: "field", in: isNews } }] },
        },
      ],
    },
  },
  { $project: { _id: 1 } },
];

export interface Hints {
  end(): void;
  /** Resolves after the end, when nothing is under way. */
  readonly ended: Promise<void>;
}

/**
 * A single server has no change streams, and is not asked again. A stream that fails, or is
 * refused, is opened again after ever longer pauses.
 */
export function followNews<Stored extends Document>(
  runs: Collection<Stored>,
  hint: () => void,
): Hints {
  const ending = new AbortController();
  let stream: ChangeStream | undefined;

  const follow = async (opened: () => void): Promise<void> => {
    stream = runs.watch([...NEWS_OF_OTHERS]);
    stream.once("resumeTokenChanged", opened);
    while (!ending.signal.aborted) if ((await stream.tryNext()) !== null) hint();
  };

  const followAgain = async (): Promise<void> => {
    let wait = FIRST_PAUSE_MS;
    const opened = (): void => {
      wait = FIRST_PAUSE_MS;
      hint();
    };
    while (!ending.signal.aborted) {
      try {
        const { setName, msg } = await runs.db.command({ hello: 1 });
        if (setName === undefined && msg !== "isdbgrid") return;
        await follow(opened);
      } catch {
        // A store in trouble is reported by the looks that go on without hints.
      }
      await stream?.close().catch(() => undefined);
      await pause(wait, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
      wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
    }
  };

  return {
    ended: followAgain(),
    end() {
      ending.abort();
      void stream?.close().catch(() => undefined);
    },
  };
}
