import { randomUUID } from "node:crypto";
import type { AnyBulkWriteOperation, Collection } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import type { CommitOutcome, RunCommit } from "../index.ts";
import { LIMITED, type StoredRun } from "./record.ts";

/** Ids of consumed events that a run remembers, to refuse their duplicates. */
const CONSUMED_KEPT = 1_000;
/** Bytes of snapshot; the server refuses documents of 16 MB. */
const LARGEST_SNAPSHOT = 8_000_000;

function toUpdate(commit: RunCommit, commitId: string): AnyBulkWriteOperation<StoredRun> {
  const { expect, document, snapshot, consumed, history } = commit;
  const size =
    snapshot.length * 3 <= LARGEST_SNAPSHOT ? snapshot.length : Buffer.byteLength(snapshot);
  if (size > LARGEST_SNAPSHOT) {
    throw new HaystackError(
      "SNAPSHOT_TOO_LARGE",
      `The state of run ${commit.run_id} has ${size} bytes, over the limit of ${LARGEST_SNAPSHOT}; report this.`,
    );
  }
  return {
    updateOne: {
      filter: {
        run_id: commit.run_id,
        revision: expect.revision,
        "lease.token": expect.token,
        status: expect.status,
      },
      update: {
        $set: {
          ...document,
          snapshot,
          machine: commit.machine,
          revision: expect.revision + 1,
          wake_at: commit.wake_at,
          attention_at: commit.attention_at,
          outbox: commit.outbox,
          committed_status: document.status,
          commit_id: commitId,
        },
        $push: {
          consumed: { $each: [...consumed], $slice: -CONSUMED_KEPT },
          history: {
            $each: history.map((entry, place) => ({ ...entry, commit: expect.revision, place })),
          },
        },
        ...(consumed.length === 0 ? {} : { $pull: { inbox: { id: { $in: [...consumed] } } } }),
      },
    },
  };
}

/**
 * Writes all commits in one round trip. The server tells only how many of them matched: on a
 * shortfall the runs are read again, and the commit that a run names as its last one has succeeded.
 */
export async function commitGroup(
  runs: Collection<StoredRun>,
  commits: readonly RunCommit[],
): Promise<CommitOutcome[]> {
  if (commits.length === 0) return [];
  const group = randomUUID();
  const { matchedCount } = await runs.bulkWrite(
    commits.map((commit, index) => toUpdate(commit, `${group}.${index}`)),
    { ordered: false, ...LIMITED },
  );
  if (matchedCount === commits.length) return commits.map(() => ({ result: "committed" }));
  const found = await runs
    .find(
      { run_id: { $in: commits.map(({ run_id }) => run_id) } },
      {
        projection: { run_id: 1, revision: 1, "lease.token": 1, status: 1, commit_id: 1 },
        ...LIMITED,
      },
    )
    .toArray();
  const standing = new Map(found.map((stored) => [stored.run_id, stored]));
  return commits.map(({ run_id }, index): CommitOutcome => {
    const stands = standing.get(run_id);
    if (stands === undefined) return { result: "missing" };
    if (stands.commit_id === `${group}.${index}`) return { result: "committed" };
    return {
      result: "conflict",
      revision: stands.revision,
      token: stands.lease.token,
      status: stands.status,
    };
  });
}
