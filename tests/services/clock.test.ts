import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import { keepClock } from "../../services/clock/kept.ts";
import { steadyClock, type SteadyClock } from "../../services/clock/steady.ts";
import { systemClock } from "../../services/clock/system.ts";
import { temporaryFolder } from "./temporary-folder.ts";

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

/** A machine whose clock can be set, and which can sleep; its timers do not run in its sleep. */
function machine() {
  const time = manualClock(0);
  let [setBy, slept] = [1_000_000, 0];
  const another = (): SteadyClock =>
    steadyClock({
      wall: () => time.now() + slept + setBy,
      monotonic: () => time.now(),
      uptime: () => Math.floor((time.now() + slept) / 1_000) * 1_000,
      timer: (ms, callback) => time.after(ms, callback),
    });
  return {
    clock: another(),
    another,
    wall: () => time.now() + slept + setBy,
    pass: (ms: number) => time.advance(ms),
    set(ms: number) {
      setBy += ms;
    },
    sleep(ms: number) {
      slept += ms;
    },
  };
}

const HOUR = 3_600_000;

test.each([
  ["back by an hour", -HOUR, 0.5],
  ["forward by an hour", HOUR, 1.05],
])(
  "a clock that is set %s goes on from where it was, and follows little by little",
  (_, ms, speed) => {
    const { clock, pass, set, wall } = machine();
    pass(500);
    expect(clock.now()).toBe(1_000_500);
    set(ms);
    expect(clock.now()).toBe(1_000_500);
    for (let second = 1; second <= 60; second++) {
      pass(1_000);
      expect(clock.now() - 1_000_500 - second * 1_000 * speed).toBeCloseTo(0, 0);
    }
    pass(21 * HOUR);
    expect(clock.now()).toBe(wall());
    pass(7);
    expect(clock.now()).toBe(wall());
    expect(clock.elapsed()).toBe(21 * HOUR + 60_507);
  },
);

test.each([-HOUR, HOUR])(
  "a pause and a time of day come although the clock is set by %d ms",
  (ms) => {
    const { clock, pass, set } = machine();
    const calls: string[] = [];
    clock.after(30_000, () => calls.push("pause"));
    clock.at(clock.now() + 30_000, () => calls.push("time"));
    pass(10_000);
    set(ms);
    pass(19_999);
    expect(calls).not.toContain("pause");
    pass(1);
    expect(calls).toContain("pause");
    pass(30_000);
    expect(calls.toSorted()).toEqual(["pause", "time"]);
  },
);

test("a machine that has slept is at the time of day at once, and the time has passed", () => {
  const { clock, pass, sleep, set, wall } = machine();
  const calls: string[] = [];
  clock.after(60_000, () => calls.push("pause"));
  pass(10_000);
  clock.now();
  sleep(HOUR);
  expect(clock.now()).toBe(wall());
  expect(clock.elapsed()).toBeGreaterThanOrEqual(10_000 + HOUR - 1_000);
  pass(50_000);
  expect(calls).toEqual(["pause"]);
  expect(clock.now()).toBe(wall());
  set(HOUR);
  pass(1_000);
  expect(clock.now()).toBe(wall() - HOUR + 50);
});

test("a daemon's clock goes on where the one before it stood, unless the machine was started meanwhile", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "clock.json");
  const troubles: string[] = [];
  const host = machine();
  const keep = (clock: SteadyClock, boot: string) =>
    keepClock(clock, file, ({ message }) => troubles.push(message), boot);
  const first = host.another();
  await keep(first, "boot-1")();
  host.pass(60_000);
  host.set(-HOUR);
  const [resumed, elsewhere] = [host.another(), host.another()];
  await keep(resumed, "boot-1")();
  expect(resumed.now()).toBe(first.now() + 30_000);
  await keep(elsewhere, "boot-2")();
  expect(elsewhere.now()).toBe(host.wall());
  await writeFile(file, "{");
  await keep(elsewhere, "boot-2")();
  expect(elsewhere.now()).toBe(host.wall());
  expect(troubles).toEqual([]);
  await rm(folder, { recursive: true });
  await keep(elsewhere, "boot-2")();
  expect(troubles).toEqual([expect.stringContaining("clock.json")]);
});
