import type { HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunChanges, RunStore, TransitionEntry } from "../../services/runs/index.ts";
import { createBackground } from "../supervisor/background.ts";
import type { CommitFeed } from "./commit-feed.ts";

/**
 * Follows the committed log of runs, wherever they are hosted.
 *
 * Owns: one copy of the log of every run that somebody watches, shared by all who do.
 * Does not own: what those do with it.
 * 1. A commit here, and a look every now and then for runs hosted elsewhere, say only that there
 *    may be news; the news itself is read from the store (as jobs are from Batch, D8). So nothing
 *    uncommitted is shown, and nothing is shown twice or left out.
 * 2. One read is under way at a time, for all runs that may have news.
 * 3. A watched log only grows; nobody watching costs nothing.
 */
export interface RunWatcher {
  /**
   * Resolves when the log is read. A run that rests for those who watch it already is read again: a
   * retry that was stored before the call is seen. `onNews` is called after each time that the log
   * or the run has changed. Undefined when there is no such run.
   */
  watch(runId: string, onNews: () => void): Promise<WatchedRun | undefined>;
  close(): Promise<void>;
}

export interface LoggedTransition extends TransitionEntry {
  /** `{revision}.{place in that commit}`: unique in the run, in the order of the log. */
  readonly id: string;
}

export interface WatchedRun {
  document(): RunDocument;
  /** Everything committed so far; the same array as long as the run is watched. */
  readonly log: readonly LoggedTransition[];
  /** Nothing more comes until somebody asks for it. */
  resting(): boolean;
  close(): void;
}

export interface RunWatcherOptions {
  readonly runs: Pick<RunStore, "changes">;
  readonly commits: CommitFeed;
  readonly clock: Clock;
  /** Pause between two looks for runs that are hosted elsewhere. */
  readonly pollMs: number;
  readonly onTrouble: (error: HaystackError) => void;
}

interface Topic {
  readonly log: LoggedTransition[];
  readonly listeners: Set<() => void>;
  /** The next read, where somebody waits for it. */
  read: PromiseWithResolvers<void> | undefined;
  revision: number;
  state: Pick<RunChanges, "document" | "has_events"> | undefined;
}

/** Runs in one read. */
const READ_TOGETHER = 100;

export function createRunWatcher({
  runs,
  commits,
  clock,
  pollMs,
  onTrouble,
}: RunWatcherOptions): RunWatcher {
  const topics = new Map<string, Topic>();
  const mayHaveNews = new Set<string>();
  const background = createBackground(clock, onTrouble, () => 0);
  let reading = false;

  const take = (topic: Topic, { document, revision, has_events, history }: RunChanges): void => {
    let place = 0;
    let last = 0;
    for (const entry of history) {
      if (entry.revision > revision) break;
      if (entry.revision <= topic.revision) continue;
      place = entry.revision === last ? place + 1 : 0;
      last = entry.revision;
      topic.log.push({ ...entry, id: `${entry.revision}.${place}` });
    }
    const known = topic.state;
    const isChanged = revision !== topic.revision;
    topic.revision = revision;
    topic.state = {
      document: isChanged || known === undefined ? document : known.document,
      has_events,
    };
    if (known === undefined || (!isChanged && known.has_events === has_events)) return;
    for (const listener of topic.listeners) listener();
  };

  const readSome = async (): Promise<void> => {
    const asked = [...mayHaveNews].slice(0, READ_TOGETHER).flatMap((runId) => {
      mayHaveNews.delete(runId);
      const topic = topics.get(runId);
      if (topic === undefined) return [];
      const { read } = topic;
      topic.read = undefined;
      // An event that waits changes no revision: for whoever waits the run is read in any case.
      const revision = read === undefined ? topic.revision : Math.max(-1, topic.revision - 1);
      return [{ run_id: runId, revision, topic, read }];
    });
    try {
      const news = new Map(
        (await runs.changes(asked.map(({ run_id, revision }) => ({ run_id, revision })))).map(
          (changes) => [changes.document.run_id, changes],
        ),
      );
      for (const { run_id, topic, read } of asked) {
        const changes = news.get(run_id);
        if (changes !== undefined) take(topic, changes);
        read?.resolve();
      }
    } catch (thrown) {
      for (const { read } of asked) read?.reject(thrown);
      throw thrown;
    }
  };

  const readAll = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    try {
      // Those who ask at the same moment share a read.
      await Promise.resolve();
      while (mayHaveNews.size > 0) await readSome();
    } finally {
      reading = false;
    }
  };

  const ask = (runId: string): void => {
    mayHaveNews.add(runId);
    background.run(readAll());
  };

  const nextRead = (runId: string, topic: Topic): Promise<void> => {
    topic.read ??= Promise.withResolvers();
    ask(runId);
    return topic.read.promise;
  };

  const unsubscribe = commits.subscribe("all", ({ run_id }) => {
    if (topics.has(run_id)) ask(run_id);
  });
  background.every(pollMs, async () => {
    for (const runId of topics.keys()) mayHaveNews.add(runId);
    await readAll();
  });

  const topicOf = (runId: string): Topic => {
    const known = topics.get(runId);
    if (known !== undefined) return known;
    const topic: Topic = {
      log: [],
      listeners: new Set(),
      read: undefined,
      revision: -1,
      state: undefined,
    };
    topics.set(runId, topic);
    return topic;
  };

  return {
    async watch(runId, onNews) {
      const topic = topicOf(runId);
      const listener = (): void => onNews();
      topic.listeners.add(listener);
      const close = (): void => {
        topic.listeners.delete(listener);
        if (topic.listeners.size === 0 && topics.get(runId) === topic) topics.delete(runId);
      };
      try {
        if (topic.state === undefined || isResting(topic.state)) await nextRead(runId, topic);
      } catch (thrown) {
        close();
        throw thrown;
      }
      const { state } = topic;
      if (state === undefined) {
        close();
        return undefined;
      }
      return {
        document: () => (topic.state ?? state).document,
        log: topic.log,
        resting: () => isResting(topic.state ?? state),
        close,
      };
    },
    async close() {
      unsubscribe();
      await background.stop();
    },
  };
}

const isResting = ({
  document: { status, current_phase },
  has_events,
}: NonNullable<Topic["state"]>): boolean =>
  !has_events &&
  (status === "completed" ||
    status === "failed" ||
    (status === "cancelled" && current_phase === null));
