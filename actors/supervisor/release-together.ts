import type { RunStore } from "../../services/runs/index.ts";

type Release = Parameters<RunStore["release"]>[0][number];

/**
 * Releases the leases of all runs that leave while one write is under way in the next one: a crowd
 * that ends together does not make thousands of requests, which others would wait behind.
 */
export function releaseTogether(
  store: Pick<RunStore, "release">,
): (release: Release) => Promise<void> {
  let waiting: Release[] = [];
  let next: Promise<void> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return (release) => {
    waiting.push(release);
    if (next === undefined) {
      const begin = async (): Promise<void> => {
        const taken = waiting;
        waiting = [];
        next = undefined;
        await store.release(taken);
      };
      next = last.then(begin);
      last = next.catch(() => undefined);
    }
    return next;
  };
}
