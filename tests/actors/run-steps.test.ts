import { expect, test } from "vitest";
import { createRunSteps } from "../../actors/host/run-steps.ts";
import { createPostponing } from "../../actors/host/postponing.ts";
import { HaystackError } from "../../errors.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";

const unpostponed = createPostponing({
  clock: manualClock(),
  stored: undefined,
  changed: () => undefined,
  onTrouble: () => undefined,
});

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
      postponing: unpostponed,
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

test("a step waits for its lease to be renewed; when the run is given up instead, it never starts (D9)", async () => {
  for (const [end, expected] of [
    [(steps: ReturnType<typeof createRunSteps>) => steps.renewed(101), ["begun", { output: 7 }]],
    [
      (steps: ReturnType<typeof createRunSteps>) =>
        steps.close(new HaystackError("LEASE_LOST", "The lease is lost.")),
      [
        {
          thrown: new HaystackError(
            "STEP_ABORTED",
            "This daemon stopped hosting the run before the step started.",
          ),
        },
      ],
    ],
  ] as const) {
    const steps = createRunSteps({
      clock: manualClock(100),
      leaseUntil: 100,
      needsCommit: () => false,
      postponing: unpostponed,
    });
    const told: unknown[] = [];
    const ran = steps.run<number>(
      new AbortController().signal,
      async () => {
        told.push("begun");
        return 7;
      },
      (outcome) => void told.push(outcome),
    );
    await Promise.resolve();
    expect(told).toEqual([]);
    end(steps);
    await ran;
    expect(told).toEqual(expected);
  }
});
