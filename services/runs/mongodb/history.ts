import type { Collection } from "mongodb";
import type { RunChanges, RunStore, TransitionEntry } from "../index.ts";
import {
  LIMITED,
  publicProjection,
  toDocument,
  toInbox,
  toTail,
  type StoredRun,
  type TailEntry,
} from "./record.ts";

/**
 * The transition log. A commit appends to the tail in the run document itself; now and then the
 * tail moves to an archive.
 * 1. An entry is archived only after it was committed, so none is invented.
 * 2. It leaves the tail only after the archive has acknowledged it, so none is lost.
 * 3. A crash in between leaves it in both places; reading takes each (commit, place) once.
 */
export interface ArchivedHistory {
  readonly _id: string;
  readonly run_id: string;
  readonly last_commit: number;
  readonly entries: readonly TailEntry[];
}

/** The tail moves each time the revision passes a multiple of this. */
const COMMITS_IN_TAIL = 32;

export const tailIsFull = (revision: number): boolean => (revision + 1) % COMMITS_IN_TAIL === 0;

export async function archiveTails(
  runs: Collection<StoredRun>,
  archive: Collection<ArchivedHistory>,
  runIds: readonly string[],
): Promise<void> {
  const tails = await runs
    .find({ run_id: { $in: [...runIds] } }, { ...LIMITED, projection: { run_id: 1, history: 1 } })
    .toArray();
  const moves = tails.flatMap(({ run_id, history }) => {
    const entries = toTail(history);
    const last_commit = entries.at(-1)?.commit;
    return last_commit === undefined ? [] : [{ run_id, last_commit, entries }];
  });
  if (moves.length === 0) return;
  await archive.bulkWrite(
    moves.map((move) => ({
      updateOne: {
        filter: { _id: JSON.stringify([move.run_id, move.last_commit]) },
        update: { $setOnInsert: move },
        upsert: true,
      },
    })),
    { ordered: false, ...LIMITED },
  );
  await runs.bulkWrite(
    moves.map(({ run_id, last_commit }) => ({
      updateOne: {
        filter: { run_id },
        update: { $pull: { history: { commit: { $lte: last_commit } } } },
      },
    })),
    { ordered: false, ...LIMITED },
  );
}

export async function readHistory(
  runs: Collection<StoredRun>,
  archive: Collection<ArchivedHistory>,
  runId: string,
): Promise<TransitionEntry[]> {
  // The tail is read first: what leaves it afterwards is in the archive by then.
  const found = await runs.findOne({ run_id: runId }, { ...LIMITED, projection: { history: 1 } });
  const tail = toTail(found?.history);
  const archived = await archive.find({ run_id: runId }, LIMITED).toArray();
  return inOrder([...archived.flatMap(({ entries }) => toTail(entries)), ...tail]);
}

/** Each (commit, place) once. */
function inOrder(entries: readonly TailEntry[]): TransitionEntry[] {
  const byPlace = new Map(entries.map((entry) => [`${entry.commit} ${entry.place}`, entry]));
  return [...byPlace.values()]
    .toSorted((a, b) => a.commit - b.commit || a.place - b.place)
    .map(({ commit: _commit, place: _place, ...entry }) => entry);
}

/** The archive is asked only for runs whose tail does not reach back to the revision. */
export async function readChanges(
  runs: Collection<StoredRun>,
  archive: Collection<ArchivedHistory>,
  since: Parameters<RunStore["changes"]>[0],
): Promise<RunChanges[]> {
  if (since.length === 0) return [];
  const beyond = since.map(({ run_id, revision }) =>
    revision < 0 ? { run_id } : { run_id, revision: { $gt: revision } },
  );
  const found = await runs
    .find(
      { $or: beyond },
      {
        ...LIMITED,
        projection: { ...publicProjection, revision: 1, set_aside: 1, history: 1, inbox: 1 },
      },
    )
    .toArray();
  const known = new Map(since.map(({ run_id, revision }) => [run_id, Math.max(0, revision)]));
  const changed = found.map((stored) => ({
    stored,
    from: known.get(stored.run_id) ?? 0,
    tail: toTail(stored.history),
  }));
  const behind = changed.filter(
    ({ stored, from, tail }) =>
      stored.revision > from && (tail[0]?.commit ?? Number.POSITIVE_INFINITY) > from,
  );
  const archived =
    behind.length === 0
      ? []
      : await archive
          .find(
            {
              $or: behind.map(({ stored, from }) => ({
                run_id: stored.run_id,
                last_commit: { $gte: from },
              })),
            },
            LIMITED,
          )
          .toArray();
  return changed.map(({ stored, from, tail }) => {
    const moved = archived
      .filter(({ run_id }) => run_id === stored.run_id)
      .flatMap(({ entries }) => toTail(entries));
    return {
      document: toDocument(stored),
      revision: Number.isInteger(stored.revision) ? stored.revision : 0,
      has_events: toInbox(stored).length > 0,
      history: inOrder([...moved, ...tail].filter(({ commit }) => commit >= from)),
    };
  });
}
