import { HaystackError } from "../../errors.ts";
import type { Clock } from "../clock/index.ts";
import type { JobChanged, JobEvents } from "./index.ts";

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;

export interface InProcessJobEvents extends JobEvents {
  /**
   * Resolves when the subscriber has stored the event; rejects (STEP_ABORTED) when the events are
   * closed before.
   */
  publish(event: JobChanged): Promise<void>;
}

interface InProcessOptions {
  readonly clock: Clock;
  /** Told why the subscriber refused an event, each time. */
  readonly onRefused?: (event: JobChanged, thrown: unknown) => void;
}

interface Pending {
  readonly event: JobChanged;
  readonly acknowledged: PromiseWithResolvers<void>;
  failures: number;
  forgetRetry?: () => void;
}

const closedError = (): HaystackError =>
  new HaystackError("STEP_ABORTED", "The job events were closed before the event was stored.");

/**
 * Events from a publisher to a subscriber in one process. Events wait in memory for a subscriber; a
 * refused one is offered again, ever more slowly.
 */
export function inProcessJobEvents({ clock, onRefused }: InProcessOptions): InProcessJobEvents {
  const waiting = new Set<Pending>();
  const inFlight = new Set<Promise<void>>();
  let handler: ((event: JobChanged) => Promise<void>) | undefined;
  let closed = false;

  const attempt = async (
    pending: Pending,
    handle: (event: JobChanged) => Promise<void>,
  ): Promise<void> => {
    try {
      await handle(pending.event);
      pending.acknowledged.resolve();
    } catch (thrown) {
      onRefused?.(pending.event, thrown);
      pending.failures++;
      if (closed) pending.acknowledged.reject(closedError());
      else waiting.add(pending);
      if (handler !== undefined) retryLater(pending);
    }
  };

  const deliver = (pending: Pending): void => {
    if (handler === undefined) return;
    waiting.delete(pending);
    const delivery: Promise<void> = attempt(pending, handler).finally(() =>
      inFlight.delete(delivery),
    );
    inFlight.add(delivery);
  };

  const retryLater = (pending: Pending): void => {
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (pending.failures - 1));
    pending.forgetRetry = clock.after(wait, () => deliver(pending));
  };

  const stop = async (): Promise<void> => {
    handler = undefined;
    for (const pending of waiting) pending.forgetRetry?.();
    await Promise.all(inFlight);
  };

  return {
    async subscribe(newHandler) {
      if (handler !== undefined || closed)
        throw new HaystackError(
          "INTERNAL",
          "Job events have one subscriber per process; stop the present one first.",
        );
      handler = newHandler;
      for (const pending of waiting) deliver(pending);
      return async () => {
        if (handler === newHandler) await stop();
      };
    },
    publish(event) {
      const pending: Pending = { event, acknowledged: Promise.withResolvers<void>(), failures: 0 };
      if (closed) pending.acknowledged.reject(closedError());
      else {
        waiting.add(pending);
        deliver(pending);
      }
      return pending.acknowledged.promise;
    },
    async close() {
      closed = true;
      await stop();
      for (const pending of waiting) pending.acknowledged.reject(closedError());
      waiting.clear();
    },
  };
}
