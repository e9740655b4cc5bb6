import { toHaystackError, type HaystackError } from "../../errors.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { TransitionEntry } from "../../services/runs/index.ts";

export type CommitListener = (document: RunDocument, entries: readonly TransitionEntry[]) => void;

/** Publishes the commits of runs that are hosted here, in their order, after they are durable. */
export interface CommitFeed {
  readonly publish: CommitListener;
  /** Of one run, or of `"all"`. The answer ends it. */
  subscribe(runId: string, listener: CommitListener): () => void;
}

const ALL = "all";

/** A listener that throws is reported and harms nobody else. */
export function createCommitFeed(onTrouble: (error: HaystackError) => void): CommitFeed {
  const listeners = new Map<string, Set<CommitListener>>();
  const notify = (name: string, ...news: Parameters<CommitListener>): void => {
    for (const listener of listeners.get(name) ?? []) {
      try {
        listener(...news);
      } catch (thrown) {
        onTrouble(toHaystackError(thrown));
      }
    }
  };
  return {
    publish(document, entries) {
      if (document.run_id !== ALL) notify(document.run_id, document, entries);
      notify(ALL, document, entries);
    },
    subscribe(runId, listener) {
      const those = listeners.get(runId) ?? new Set();
      listeners.set(runId, those.add(listener));
      return () => {
        those.delete(listener);
        if (those.size === 0 && listeners.get(runId) === those) listeners.delete(runId);
      };
    },
  };
}
