import { randomUUID } from "node:crypto";
import type { AnyBulkWriteOperation, Collection } from "mongodb";
import type { CommitOutcome, RunCommit } from "../index.ts";
import { NOT_ASIDE } from "./aside.ts";
import { isRefusedWrite, refusedBecause } from "./errors.ts";
import { LIMITED, type StoredRun } from "./record.ts";

/** Ids of consumed events that a run remembers, to refuse their duplicates. */
const CONSUMED_KEPT = 1_000;
/** Bytes of snapshot; the server refuses documents of 16 MB. */
const LARGEST_SNAPSHOT = 8_000_000;

/** Of a run whose lease another program has removed. */
const NO_TOKEN = -1;

const isTooLarge = ({ snapshot }: RunCommit): boolean =>
  snapshot.length * 3 > LARGEST_SNAPSHOT && Buffer.byteLength(snapshot) > LARGEST_SNAPSHOT;

function toUpdate(commit: RunCommit, commitId: string): AnyBulkWriteOperation<StoredRun> {
  const { expect, document, snapshot, consumed, history } = commit;
  return {
    updateOne: {
      filter: {
        run_id: commit.run_id,
        revision: expect.revision,
        "lease.token": expect.token,
        status: expect.status,
        ...NOT_ASIDE,
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
          taking_up: 0,
          take_ups: 0,
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
 * One that the server refuses is so alone.
 */
export async function commitGroup(
  runs: Collection<StoredRun>,
  commits: readonly RunCommit[],
): Promise<CommitOutcome[]> {
  if (commits.length === 0) return [];
  const group = randomUUID();
  const problems = new Map<string, string>();
  const updates: { readonly id: string; readonly update: AnyBulkWriteOperation<StoredRun> }[] = [];
  for (const [index, commit] of commits.entries()) {
    const id = `${group}.${index}`;
    if (isTooLarge(commit)) problems.set(id, "its state is larger than the store takes");
    else updates.push({ id, update: toUpdate(commit, id) });
  }
  const matched = await writeAll(runs, updates, problems);
  if (matched === commits.length) return commits.map(() => ({ result: "committed" }));
  const found = await runs
    .find(
      { run_id: { $in: commits.map(({ run_id }) => run_id) } },
      {
        projection: { run_id: 1, revision: 1, lease: 1, status: 1, commit_id: 1 },
        ...LIMITED,
      },
    )
    .toArray();
  const standing = new Map(found.map((stored) => [stored.run_id, stored]));
  return commits.map(({ run_id }, index): CommitOutcome => {
    const stands = standing.get(run_id);
    if (stands === undefined) return { result: "missing" };
    if (stands.commit_id === `${group}.${index}`) return { result: "committed" };
    const problem = problems.get(`${group}.${index}`);
    if (problem !== undefined) return { result: "refused", problem };
    return {
      result: "conflict",
      revision: stands.revision,
      token: (stands.lease as StoredRun["lease"] | undefined)?.token ?? NO_TOKEN,
      status: stands.status,
    };
  });
}

/** How many matched; why those that did not were refused is added to `problems`. */
async function writeAll(
  runs: Collection<StoredRun>,
  updates: readonly { readonly id: string; readonly update: AnyBulkWriteOperation<StoredRun> }[],
  problems: Map<string, string>,
): Promise<number> {
  if (updates.length === 0) return 0;
  try {
    const { matchedCount } = await runs.bulkWrite(
      updates.map(({ update }) => update),
      { ordered: false, ...LIMITED },
    );
    return matchedCount;
  } catch (thrown) {
    if (!isRefusedWrite(thrown)) throw thrown;
    const [only, ...others] = updates;
    if (only !== undefined && others.length === 0) {
      problems.set(only.id, refusedBecause(thrown));
      return 0;
    }
    // Those that were written before meet their own revision, and are told by their name.
    const matched: number[] = [];
    for (const update of updates) matched.push(await writeAll(runs, [update], problems));
    return Math.min(...matched) === 1 ? updates.length : 0;
  }
}
