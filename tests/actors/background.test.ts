import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createBackground } from "../../actors/supervisor/background.ts";
import { manualClock } from "../../services/clock/manual.ts";

test("stopping waits for what is under way, and for what that begins", async () => {
  const clock = manualClock();
  const background = createBackground(
    clock,
    () => undefined,
    () => 0,
  );
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  background.run(first.promise.then(() => background.run(second.promise)));
  background.every(1_000, () => Promise.reject(new Error("It was stopped.")));
  let isStopped = false;
  const stopped = background.stop().finally(() => {
    isStopped = true;
  });
  first.resolve();
  await turn();
  expect(isStopped).toBe(false);
  second.resolve();
  await stopped;
  expect(clock.waiting).toBe(0);
});

test("work is repeated after its pause, sooner when it is asked for, and its failures are told", async () => {
  const clock = manualClock();
  const troubles: string[] = [];
  const background = createBackground(
    clock,
    ({ message }) => troubles.push(message),
    () => 0.5,
  );
  const times: number[] = [];
  const soon = background.every(
    1_000,
    async () => {
      times.push(clock.now());
      if (times.length === 1) throw new Error("once");
    },
    0.2,
  );
  const after = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  await after(899);
  expect(times).toEqual([]);
  await after(1);
  await after(900);
  soon();
  soon();
  await after(20);
  expect(times).toEqual([900, 1_800, 1_820]);
  expect(troubles).toEqual(["once"]);
  await background.stop();
});
