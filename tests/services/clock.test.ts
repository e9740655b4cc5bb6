import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";

test("the manual clock calls what falls due in the order of time, also what is added on the way", () => {
  const clock = manualClock(1000);
  const calls: string[] = [];
  clock.at(1300, () => calls.push(`late ${clock.now()}`));
  clock.at(1100, () => {
    calls.push(`early ${clock.now()}`);
    clock.at(1200, () => calls.push(`added ${clock.now()}`));
  });
  const forget = clock.at(1150, () => calls.push("forgotten"));
  forget();
  clock.advance(250);
  expect(calls).toEqual(["early 1100", "added 1200"]);
  expect(clock.now()).toBe(1250);
  expect(clock.waiting).toBe(1);
  clock.advanceTo(1300);
  expect(calls.at(-1)).toBe("late 1300");
  expect(() => clock.advanceTo(1)).toThrow(RangeError);
});

test("a time that has passed is called at the next turn", () => {
  const clock = manualClock(1000);
  let called = 0;
  clock.at(5, () => called++);
  expect(called).toBe(0);
  clock.advance(0);
  expect(called).toBe(1);
  expect(clock.now()).toBe(1000);
});

test("the system clock calls at or after the time and forgets on demand", async () => {
  const due = systemClock.now() + 5;
  const calls: string[] = [];
  systemClock.at(due, () => calls.push("forgotten"))();
  await new Promise<void>((resolve) => void systemClock.at(due, resolve));
  expect(systemClock.now()).toBeGreaterThanOrEqual(due);
  expect(calls).toEqual([]);
});
