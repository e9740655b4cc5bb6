import { describe, expect, onTestFinished, test } from "vitest";
import type { JobChanged, JobEvents } from "../../services/job-events/index.ts";

export interface JobEventsHarness {
  readonly events: JobEvents;
  /** Makes the event happen at the source. Need not wait for its delivery. */
  readonly publish: (event: JobChanged) => void;
}

const event = (number: number): JobChanged => ({
  event_id: `job-${number}.running`,
  job_id: `job-${number}`,
  state: "RUNNING",
});

/** A handler that keeps what it gets, and promises of how much it has got. */
function recorder(): {
  seen: JobChanged[];
  handler: (event: JobChanged) => Promise<void>;
  reached: (count: number) => Promise<void>;
} {
  const seen: JobChanged[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    seen,
    handler: async (changed) => {
      seen.push(changed);
      for (const { count, resolve } of waiting) if (seen.length >= count) resolve();
    },
    reached(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      if (seen.length >= count) resolve();
      return promise;
    },
  };
}

/** Ids of events are the adapter's own: what they tell is compared. */
const toldBy = (events: readonly JobChanged[]): string[] =>
  [...new Set(events.map(({ job_id, state }) => `${job_id} ${state}`))].toSorted();

/**
 * What every source of job events keeps to. Repeats are allowed, losses while subscribed are not.
 */
export function jobEventsContract(adapter: string, make: () => Promise<JobEventsHarness>): void {
  const open = async (): Promise<JobEventsHarness> => {
    const harness = await make();
    onTestFinished(() => harness.events.close());
    return harness;
  };

  describe(`job events: ${adapter}`, () => {
    test("a subscriber gets every event", async () => {
      const { events, publish } = await open();
      const { seen, handler, reached } = recorder();
      await events.subscribe(handler);
      for (let number = 0; number < 20; number++) publish(event(number));
      await reached(20);
      const all = Array.from({ length: 20 }, (_, number) => event(number));
      expect(toldBy(seen)).toEqual(toldBy(all));
      expect(new Set(seen.map(({ event_id }) => event_id)).size).toBe(all.length);
    });

    test("events before the subscription wait for it", async () => {
      const { events, publish } = await open();
      publish(event(1));
      const { seen, handler, reached } = recorder();
      await events.subscribe(handler);
      await reached(1);
      expect(toldBy(seen)).toEqual(toldBy([event(1)]));
    });

    test("an event that the handler refuses comes again", async () => {
      const { events, publish } = await open();
      const { handler, reached, seen } = recorder();
      let refusals = 2;
      const refused = new Set<string>();
      await events.subscribe(async (changed) => {
        if (refusals-- > 0) {
          refused.add(changed.event_id);
          throw new Error("The store does not answer.");
        }
        await handler(changed);
      });
      publish(event(1));
      await reached(1);
      expect(refusals).toBeLessThan(0);
      expect(toldBy(seen)).toEqual(toldBy([event(1)]));
      expect([...refused]).toEqual([seen[0]?.event_id]);
    });

    test("stopping waits for a handler in flight, and what comes later waits for the next subscriber", async () => {
      const { events, publish } = await open();
      const entered = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      let finished = false;
      const stop = await events.subscribe(async () => {
        entered.resolve();
        await release.promise;
        await new Promise(setImmediate);
        finished = true;
      });
      publish(event(1));
      await entered.promise;
      const stopped = stop();
      release.resolve();
      await stopped;
      expect(finished).toBe(true);

      publish(event(2));
      const later = recorder();
      await events.subscribe(later.handler);
      await later.reached(1);
      expect(toldBy(later.seen)).toContain("job-2 RUNNING");
    });

    test("a second subscriber at once is refused", async () => {
      const { events } = await open();
      await events.subscribe(async () => {});
      await expect(events.subscribe(async () => {})).rejects.toMatchObject({ code: "INTERNAL" });
    });
  });
}
