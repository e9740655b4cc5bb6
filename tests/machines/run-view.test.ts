import { expect, test } from "vitest";
import { earliestWakeUp } from "../../machines/run-view.ts";

const machine = (wake_at: number | null | undefined, children: Record<string, unknown> = {}) => ({
  ...(wake_at === undefined ? {} : { context: { wake_at } }),
  children: Object.fromEntries(
    Object.entries(children).map(([id, snapshot]) => [id, { snapshot }]),
  ),
});

test("a run wakes at the earliest time of its machines, however deep, and at none without a time", () => {
  expect(earliestWakeUp(machine(undefined))).toBeNull();
  expect(
    earliestWakeUp(machine(null, { step: { status: "active" }, job: machine(null) })),
  ).toBeNull();
  expect(earliestWakeUp(machine(undefined, { a: machine(30), b: machine(20) }))).toBe(20);
  expect(earliestWakeUp(machine(undefined, { a: machine(20), b: machine(30) }))).toBe(20);
  expect(
    earliestWakeUp(machine(undefined, { a: machine(null, { stop: machine(10) }), b: machine(20) })),
  ).toBe(10);
  expect(earliestWakeUp(machine(5, { a: machine(20) }))).toBe(5);
  expect(earliestWakeUp(machine(50, { a: machine(0) }))).toBe(0);
});
