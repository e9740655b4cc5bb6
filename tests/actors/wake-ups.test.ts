import { expect, test } from "vitest";
import { createWakeUps } from "../../actors/supervisor/wake-ups.ts";
import { manualClock } from "../../services/clock/manual.ts";

function wakeUpsFrom(start: number) {
  const clock = manualClock(start);
  const woken: string[] = [];
  const wakeUps = createWakeUps(clock, (runId) => woken.push(`${runId} ${clock.now()}`));
  return { clock, woken, wakeUps };
}

test("a time that has passed wakes at once, but the same run not more often than every second", () => {
  const { clock, woken, wakeUps } = wakeUpsFrom(10_000);
  for (const at of [0, 1, 2]) {
    wakeUps.set("r1", at);
    clock.advance(100);
  }
  wakeUps.set("r2", 0);
  clock.advance(2_000);
  expect(woken).toEqual(["r1 10000", "r2 10300", "r1 11000"]);
});

test("a run has one time: a new one replaces it, none clears it, and a removed run is not woken", () => {
  const { clock, woken, wakeUps } = wakeUpsFrom(0);
  wakeUps.set("moved", 500);
  wakeUps.set("moved", 3_000);
  wakeUps.set("cleared", 1_000);
  wakeUps.set("cleared", null);
  wakeUps.set("removed", 1_000);
  wakeUps.remove("removed");
  clock.advance(2_999);
  expect(woken).toEqual([]);
  clock.advance(1);
  expect(woken).toEqual(["moved 3000"]);
  expect(clock.waiting).toBe(0);
});
