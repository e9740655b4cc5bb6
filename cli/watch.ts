import { createCommitFeed } from "../actors/watch/commit-feed.ts";
import { stayAlive } from "../adapters/stay-alive.ts";
import { createRunWatcher } from "../actors/watch/run-watcher.ts";
import { runNotFound } from "../errors.ts";
import type { Clock } from "../services/clock/index.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { RunStore } from "../services/runs/index.ts";
import type { Transition } from "./runs/operations.ts";

export interface WatchOptions {
  readonly clock: Clock;
  readonly pollMs: number;
  readonly onRun?: (document: RunDocument) => void;
  readonly onTransition?: (transition: Transition) => void;
  readonly signal?: AbortSignal;
}

/**
 * Follows a run that another process hosts until it rests and has consumed its events. Errors:
 * RUN_NOT_FOUND, STORE_UNAVAILABLE; or the reason of `signal`.
 */
export async function watch(
  store: RunStore,
  runId: string,
  { clock, pollMs, onRun, onTransition, signal }: WatchOptions,
): Promise<RunDocument> {
  const alive = stayAlive();
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => undefined);
  const leave = (): void => over.reject(signal?.reason);
  signal?.addEventListener("abort", leave);
  let news = Promise.withResolvers<void>();
  const watcher = createRunWatcher({
    runs: store,
    commits: createCommitFeed(over.reject),
    clock,
    pollMs,
    onTrouble: over.reject,
  });
  try {
    const watched = await Promise.race([watcher.watch(runId, () => news.resolve()), over.promise]);
    if (watched === undefined) throw runNotFound(runId);
    let shown = 0;
    for (;;) {
      news = Promise.withResolvers();
      for (const { at, ...entry } of watched.log.slice(shown))
        onTransition?.({ ...entry, at: new Date(at).toISOString() });
      shown = watched.log.length;
      onRun?.(watched.document());
      if (watched.resting()) return watched.document();
      await Promise.race([news.promise, over.promise]);
    }
  } finally {
    signal?.removeEventListener("abort", leave);
    await watcher.close();
    alive[Symbol.dispose]();
  }
}
