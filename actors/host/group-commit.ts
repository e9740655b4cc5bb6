import { type HaystackError, toHaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { CommitOutcome, RunCommit, RunStore } from "../../services/runs/index.ts";
import type { Instruments } from "../instruments.ts";

/**
 * Writes the transitions of many runs together (D12).
 *
 * Owns: when to write, and trying again when the store is unavailable.
 * Does not own: what a commit means to its run; that is the source's.
 * 1. All sources that asked before a write starts are in that write, at most LARGEST_WRITE in the
 *    order of asking; one write is under way at a time. With more sources the steps of some work
 *    while others are written.
 * 2. A source is asked for its commit only when the write starts, so several transitions of a tick
 *    are one commit.
 * 3. A write that failed may have happened: it is repeated unchanged, and a conflict with our own
 *    token one revision ahead is then our own write.
 * 4. One that the store refuses holds up no other: the runs of a group that cannot be written are
 *    written alone, and what is refused then is its own run's trouble.
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
  /** Repeats no write any more; the sources of one that failed hear nothing of it. */
  close(): void;
}

const LARGEST_WRITE = 256;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/**
 * Attempts at one run's write alone: few where the error says that no repetition helps, for less
 * than a minute where nobody foresaw it and it may yet pass.
 */
const REFUSED_AFTER = 3;
const UNFORESEEN_REFUSED_AFTER = 15;

export function createGroupCommit(
  store: Pick<RunStore, "commit">,
  clock: Clock,
  onTrouble: (error: HaystackError) => void,
  committed?: Instruments["committed"],
): GroupCommit {
  const asked = new Set<CommitSource>();
  let writing = false;
  let closed = false;
  const idleWaiters: (() => void)[] = [];

  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

  async function write(
    commits: readonly RunCommit[],
    earlier = 0,
  ): Promise<CommitOutcome[] | undefined> {
    for (let attempt = earlier; !closed; attempt++) {
      try {
        const started = committed === undefined ? 0 : performance.now();
        const outcomes = await store.commit(commits);
        committed?.({ runs: commits.length, milliseconds: performance.now() - started });
        return attempt === 0
          ? outcomes
          : outcomes.map((outcome, index) => recogniseOwn(commits[index], outcome));
      } catch (thrown) {
        const error = toHaystackError(thrown);
        const isUnforeseen = error.code === "INTERNAL";
        const isOfRun = isUnforeseen || (!error.retryable && error.code !== "STORE_DAMAGED");
        if (isOfRun && commits.length > 1) return writeAlone(commits);
        onTrouble(error);
        const most = isUnforeseen ? UNFORESEEN_REFUSED_AFTER : REFUSED_AFTER;
        if (isOfRun && attempt + 1 >= most)
          return commits.map(() => ({ result: "refused", problem: "the store gave an error" }));
        await pause(Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS));
      }
    }
    return undefined;
  }

  async function writeAlone(commits: readonly RunCommit[]): Promise<CommitOutcome[] | undefined> {
    const outcomes: CommitOutcome[] = [];
    for (const commit of commits) {
      const [outcome] = (await write([commit], 1)) ?? [];
      if (outcome === undefined) return undefined;
      outcomes.push(outcome);
    }
    return outcomes;
  }

  async function writeAll(): Promise<void> {
    while (asked.size > 0 && !closed) {
      const sources = [...asked].slice(0, LARGEST_WRITE);
      for (const source of sources) asked.delete(source);
      const taken = sources.flatMap((source) => {
        const commit = source.take();
        return commit === null ? [] : [{ source, commit }];
      });
      if (taken.length === 0) continue;
      const outcomes = await write(taken.map(({ commit }) => commit));
      if (outcomes === undefined) break;
      taken.forEach(({ source, commit }, index) =>
        source.settle(commit, outcomes[index] ?? { result: "missing" }),
      );
    }
  }

  const flush = (): void => {
    void writeAll().finally(() => {
      writing = false;
      if (asked.size > 0 && !closed) schedule();
      else for (const wake of idleWaiters.splice(0)) wake();
    });
  };
  const schedule = (): void => {
    writing = true;
    setImmediate(flush);
  };

  return {
    request(source) {
      asked.add(source);
      if (!writing && !closed) schedule();
    },
    idle: () => (writing ? new Promise((resolve) => idleWaiters.push(resolve)) : Promise.resolve()),
    close() {
      closed = true;
    },
  };
}

function recogniseOwn(commit: RunCommit | undefined, outcome: CommitOutcome): CommitOutcome {
  const own =
    commit !== undefined &&
    outcome.result === "conflict" &&
    outcome.token === commit.expect.token &&
    outcome.revision === commit.expect.revision + 1;
  return own ? { result: "committed" } : outcome;
}
