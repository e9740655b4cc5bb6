import { type HaystackError, toHaystackError } from "../errors.ts";
import type { Clock } from "../services/clock/index.ts";
import type { CommitOutcome, RunCommit, RunStore } from "../services/runs/index.ts";

/**
 * Writes the transitions of many runs together (D12).
 *
 * Owns: when to write, and trying again when the store is unavailable.
 * Does not own: what a commit means to its run; that is the source's.
 * 1. All sources that asked before a write starts are in that write, at most LARGEST_WRITE, in the order of asking. Another write starts
 *    beside one that is under way only when it is full; a source is in one write at a time.
 * 2. A source is asked for its commit only when the write starts, so several transitions of a tick are one commit.
 * 3. A write that failed may have happened: it is repeated unchanged, and a conflict with our own token one revision
 *    ahead is then our own write.
 */
export interface CommitSource {
  /** The commit of everything that changed, or null when nothing did. */
  take(): RunCommit | null;
  settle(commit: RunCommit, outcome: CommitOutcome): void;
}

export interface GroupCommit {
  request(source: CommitSource): void;
  /** Resolves when nothing is asked for and nothing under way. */
  idle(): Promise<void>;
  /** Gives up on writes that the store refuses; their sources hear nothing more. */
  close(): void;
}

const LARGEST_WRITE = 256;
const MOST_WRITES = 2;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export function createGroupCommit(store: Pick<RunStore, "commit">, clock: Clock, onTrouble: (error: HaystackError) => void): GroupCommit {
  const asked = new Set<CommitSource>();
  const inWrites = new Set<CommitSource>();
  let writes = 0;
  let scheduled = false;
  let closed = false;
  const idleWaiters: (() => void)[] = [];

  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.at(clock.now() + ms, resolve));

  async function write(commits: readonly RunCommit[]): Promise<CommitOutcome[] | undefined> {
    for (let attempt = 0; !closed; attempt++) {
      try {
        const outcomes = await store.commit(commits);
        return attempt === 0 ? outcomes : outcomes.map((outcome, index) => recogniseOwn(commits[index], outcome));
      } catch (thrown) {
        const error = toHaystackError(thrown);
        onTrouble(error);
        await pause(Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS));
      }
    }
    return undefined;
  }

  async function writeAll(sources: readonly CommitSource[]): Promise<void> {
    const taken = sources.flatMap((source) => {
      const commit = source.take();
      return commit === null ? [] : [{ source, commit }];
    });
    if (taken.length === 0) return;
    const outcomes = await write(taken.map(({ commit }) => commit));
    if (outcomes === undefined) return;
    taken.forEach(({ source, commit }, index) => source.settle(commit, outcomes[index] ?? { result: "missing" }));
  }

  const nextWrite = (): CommitSource[] => {
    const sources = [...asked].filter((source) => !inWrites.has(source)).slice(0, LARGEST_WRITE);
    return writes === 0 || sources.length === LARGEST_WRITE ? sources : [];
  };

  const flush = (): void => {
    scheduled = false;
    while (!closed && writes < MOST_WRITES) {
      const sources = nextWrite();
      if (sources.length === 0) break;
      for (const source of sources) {
        asked.delete(source);
        inWrites.add(source);
      }
      writes += 1;
      void writeAll(sources).finally(() => {
        for (const source of sources) inWrites.delete(source);
        writes -= 1;
        flush();
      });
    }
    if (isIdle()) for (const wake of idleWaiters.splice(0)) wake();
  };

  const isIdle = (): boolean => writes === 0 && !scheduled && (closed || asked.size === 0);

  return {
    request(source) {
      asked.add(source);
      const mustWait = writes === MOST_WRITES || (writes > 0 && asked.size < LARGEST_WRITE);
      if (scheduled || closed || mustWait) return;
      scheduled = true;
      setImmediate(flush);
    },
    idle: () => (isIdle() ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
    close() {
      closed = true;
    },
  };
}

function recogniseOwn(commit: RunCommit | undefined, outcome: CommitOutcome): CommitOutcome {
  const own =
    commit !== undefined && outcome.result === "conflict" && outcome.token === commit.expect.token && outcome.revision === commit.expect.revision + 1;
  return own ? { result: "committed" } : outcome;
}
