import { expect, test } from "vitest";
import { createRunSteps } from "../../actors/host/run-steps.ts";
import { systemClock } from "../../services/clock/system.ts";

test.each([
  ["gives a result", () => Promise.resolve(7), { output: 7 }],
  ["fails", () => Promise.reject(new Error("no")), { thrown: new Error("no") }],
])(
  "a step that %s counts as under way until its outcome has been told",
  async (_, work, outcome) => {
    const steps = createRunSteps({
      clock: systemClock,
      leaseUntil: Number.POSITIVE_INFINITY,
      needsCommit: () => false,
    });
    const told: unknown[] = [];
    await steps.run<number>(
      new AbortController().signal,
      work,
      (ended) => void told.push(ended, steps.count()),
    );
    expect([...told, steps.count()]).toEqual([outcome, 1, 0]);
  },
);
