import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";
import { inProcessJobEvents } from "../../services/job-events/in-process.ts";
import type { JobChanged } from "../../services/job-events/index.ts";
import { jobEventsContract } from "./job-events.contract.ts";

jobEventsContract("in-process", async () => {
  const events = inProcessJobEvents({ clock: systemClock });
  return { events, publish: (event) => void events.publish(event).catch(() => {}) };
});

const changed: JobChanged = { event_id: "job-1.failed", job_id: "job-1", state: "FAILED" };

test("publish resolves only when the subscriber has stored the event; refusals are reported and tried again ever later", async () => {
  const clock = manualClock();
  const refused: unknown[] = [];
  const events = inProcessJobEvents({ clock, onRefused: (_, thrown) => refused.push(thrown) });
  let calls = 0;
  let called = Promise.withResolvers<void>();
  await events.subscribe(async () => {
    calls++;
    called.resolve();
    if (calls < 4) throw new Error(`refusal ${calls}`);
  });
  const published = events.publish(changed);
  for (const wait of [100, 200, 400]) {
    await called.promise;
    called = Promise.withResolvers();
    await new Promise(setImmediate);
    clock.advance(wait - 1);
    expect(clock.waiting).toBe(1);
    clock.advance(1);
  }
  await published;
  expect(calls).toBe(4);
  expect(refused).toHaveLength(3);
  expect(clock.waiting).toBe(0);
  await events.close();
});

test("a refused event outlives its subscriber, without a timer left behind", async () => {
  const clock = manualClock();
  const refused = Promise.withResolvers<void>();
  const events = inProcessJobEvents({ clock, onRefused: () => setImmediate(refused.resolve) });
  const stop = await events.subscribe(async () => {
    throw new Error("refused");
  });
  const published = events.publish(changed);
  await refused.promise;
  expect(clock.waiting).toBe(1);
  await stop();
  expect(clock.waiting).toBe(0);
  const seen: JobChanged[] = [];
  await events.subscribe(async (event) => void seen.push(event));
  await published;
  expect(seen).toEqual([changed]);
  await events.close();
});

test("closing tells the publisher that an event was never stored", async () => {
  const events = inProcessJobEvents({ clock: manualClock() });
  const published = events.publish(changed);
  await Promise.all([
    expect(published).rejects.toMatchObject({ code: "STEP_ABORTED" }),
    events.close(),
  ]);
  await expect(events.publish(changed)).rejects.toMatchObject({ code: "STEP_ABORTED" });
});
