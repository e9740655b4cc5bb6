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
 *    order of asking; one such write is under way at a time. With more sources the steps of some
 *    work while others are written.
 * 2. A source is asked for its commit only when the write starts, so several transitions of a tick
 *    are one commit.
 * 3. A write that failed may have happened: it is repeated unchanged, and a conflict with our own
 *    token one revision ahead is then our own write.
 * 4. One that the store refuses holds up no other: the runs of a group that cannot be written are
 *    written alone, and a write that fails then is its own run's trouble: it is repeated beside the
 *    writes of the others, and what its run asks for meanwhile waits for its end.
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

interface Taken {
  readonly source: CommitSource;
  readonly commit: RunCommit;
}

interface Written extends Taken {
  readonly outcome: CommitOutcome;
}

export function createGroupCommit(
  store: Pick<RunStore, "commit">,
  clock: Clock,
  onTrouble: (error: HaystackError) => void,
  committed?: Instruments["committed"],
): GroupCommit {
  const asked = new Set<CommitSource>();
  const apart = new Set<CommitSource>();
  let writing = false;
  let closed = false;
  const idleWaiters: (() => void)[] = [];

  const pause = (attempt: number): Promise<void> =>
    new Promise((resolve) =>
      clock.after(Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS), resolve),
    );

  async function write(taken: readonly Taken[], attempt: number): Promise<Written[]> {
    const started = committed === undefined ? 0 : performance.now();
    const outcomes = await store.commit(taken.map(({ commit }) => commit));
    committed?.({ runs: taken.length, milliseconds: performance.now() - started });
    return taken.map((each, index) => {
      const outcome = outcomes[index] ?? { result: "missing" };
      return { ...each, outcome: attempt === 0 ? outcome : recogniseOwn(each.commit, outcome) };
    });
  }

  async function writeTogether(taken: readonly Taken[], earlier: number): Promise<void> {
    let written: Written[] | undefined;
    for (let attempt = earlier; written === undefined && !closed; attempt++) {
      try {
        written = await write(taken, attempt);
      } catch (thrown) {
        const error = toHaystackError(thrown);
        const [first] = taken;
        if (isOfRun(error) && first !== undefined) {
          if (taken.length === 1) void repeatApart(first, attempt, error);
          else for (const each of taken) await writeTogether([each], 1);
          return;
        }
        onTrouble(error);
        await pause(attempt);
      }
    }
    if (written !== undefined) settle(written);
  }

  async function repeatApart(one: Taken, earlier: number, trouble: HaystackError): Promise<void> {
    apart.add(one.source);
    let written: Written[] | undefined;
    let error = trouble;
    for (let attempt = earlier; written === undefined && !closed; attempt++) {
      onTrouble(error);
      if (attempt + 1 >= mostAttempts(error)) {
        written = [{ ...one, outcome: { result: "refused", problem: "the store gave an error" } }];
        break;
      }
      await pause(attempt);
      try {
        written = await write([one], attempt + 1);
      } catch (thrown) {
        error = toHaystackError(thrown);
      }
    }
    apart.delete(one.source);
    if (written !== undefined) settle(written);
    goOn();
  }

  const ready = (): CommitSource[] =>
    closed ? [] : [...asked].filter((source) => !apart.has(source));

  async function writeReady(): Promise<void> {
    for (let sources = ready(); sources.length > 0; sources = ready()) {
      const taken = sources.slice(0, LARGEST_WRITE).flatMap((source) => {
        asked.delete(source);
        const commit = source.take();
        return commit === null ? [] : [{ source, commit }];
      });
      if (taken.length > 0) await writeTogether(taken, 0);
    }
  }

  const goOn = (): void => {
    if (writing) return;
    if (ready().length > 0) {
      writing = true;
      setImmediate(() => {
        void writeReady().finally(() => {
          writing = false;
          goOn();
        });
      });
    } else if (apart.size === 0) for (const wake of idleWaiters.splice(0)) wake();
  };

  return {
    request(source) {
      asked.add(source);
      goOn();
    },
    idle: () =>
      writing || apart.size > 0
        ? new Promise((resolve) => idleWaiters.push(resolve))
        : Promise.resolve(),
    close() {
      closed = true;
    },
  };
}

/** Trouble that the other runs do not have. */
const isOfRun = ({ code, retryable }: HaystackError): boolean =>
  code === "INTERNAL" || (!retryable && code !== "STORE_DAMAGED");

function mostAttempts(error: HaystackError): number {
  if (error.code === "INTERNAL") return UNFORESEEN_REFUSED_AFTER;
  return isOfRun(error) ? REFUSED_AFTER : Number.POSITIVE_INFINITY;
}

function settle(written: readonly Written[]): void {
  for (const { source, commit, outcome } of written) source.settle(commit, outcome);
}

function recogniseOwn(commit: RunCommit, outcome: CommitOutcome): CommitOutcome {
  const own =
    outcome.result === "conflict" &&
    outcome.token === commit.expect.token &&
    outcome.revision === commit.expect.revision + 1;
  return own ? { result: "committed" } : outcome;
}
