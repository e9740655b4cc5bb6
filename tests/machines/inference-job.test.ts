import { expect, test } from "vitest";
import { createActor, fromPromise, waitFor } from "xstate";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import type { PreparedJob } from "../../machines/pair-types.ts";
import type {
  CheckJobInput,
  CheckJobOutput,
  CheckTrouble,
  PrepareJobInput,
  SubmitJobInput,
  SubmitJobOutput,
} from "../../machines/step-types.ts";

const TROUBLE: CheckTrouble = {
  code: "OBJECTS_UNAVAILABLE",
  message: "The bucket does not answer.",
  since: 5,
};
const PREEMPTED: CheckJobOutput = {
  verdict: "failed",
  kind: "preempted",
  error: {
    code: "JOB_PREEMPTED",
    message: "The machine was taken away.",
    retryable: true,
  },
  retry_at: 20,
  run_seconds: 60,
};

/** An inference job whose checks answer as told; `checked` and `submitted` have what they were given. */
function jobWith(answers: readonly CheckJobOutput[]) {
  const checked: CheckJobInput[] = [];
  const submitted: SubmitJobInput[] = [];
  const machine = inferenceJobMachine.provide({
    actors: {
      prepareJob: fromPromise<PreparedJob, PrepareJobInput>(async () => ({
        found: {},
        notes: {},
      })),
      submitJob: fromPromise<SubmitJobOutput, SubmitJobInput>(async ({ input }) => {
        submitted.push(input);
        return { offer: null, now: 1, deadline_at: 1_000, check_at: 10 };
      }),
      checkJob: fromPromise<CheckJobOutput, CheckJobInput>(async ({ input }) => {
        checked.push(input);
        return answers[checked.length - 1]!;
      }),
    },
    actions: { reportToRun: () => undefined },
  });
  const actor = createActor(machine, {
    input: {
      run_id: "r1",
      iteration: 1,
      kind: "prediction",
      plan: { path: "plan.json", sha256: "abc" },
      random_seed: 1,
      first_attempt: 1,
      limits: { application: 3, preempted: 3, transient: 3 },
      deadline_seconds: 60,
      max_gpu_cost_usd: null,
    },
  });
  return { actor, checked, submitted };
}

test("the trouble of looking at one attempt is not held against the next", async () => {
  const { actor, checked, submitted } = jobWith([
    { verdict: "waiting", now: 10, check_at: 11, trouble: TROUBLE },
    PREEMPTED,
    {
      verdict: "succeeded",
      outputs: { prediction: { path: "p.h5ad", sha256: "abc" } },
      run_seconds: 30,
    },
  ]);
  actor.start();
  for (const [state, now] of [
    ["awaiting", 10],
    ["awaiting", 11],
    ["retrying", 20],
    ["awaiting", 1_000],
  ] as const) {
    await waitFor(actor, (snapshot) => snapshot.matches(state));
    actor.send({ type: "clock.ticked", now });
    expect(actor.getSnapshot().value).not.toBe(state);
  }
  await waitFor(actor, ({ status }) => status === "done");
  expect(
    checked.map(({ job, trouble, failures }) => [job.attempt, trouble, failures?.preempted]),
  ).toEqual([
    [1, null, 0],
    [1, TROUBLE, 0],
    [2, null, 1],
  ]);
  expect(submitted.map(({ job, preemptions }) => [job.job_id, preemptions])).toEqual([
    ["hs-r1-i1-p-a1", 0],
    ["hs-r1-i1-p-a2", 1],
  ]);
});

test("a job that waits goes on at its time, not before", async () => {
  const { actor, checked } = jobWith([{ verdict: "waiting", now: 10, check_at: 50 }]);
  actor.start();
  await waitFor(actor, (snapshot) => snapshot.matches("awaiting"));
  actor.send({ type: "clock.ticked", now: 9 });
  expect(checked).toEqual([]);
  actor.send({ type: "clock.ticked", now: 10 });
  await waitFor(actor, ({ context }) => context.wake_at === 50);
  expect(checked).toHaveLength(1);
});

const lost = (kind: "transient" | "application", run_seconds: number): CheckJobOutput => ({
  verdict: "failed",
  kind,
  error: { code: "JOB_FAILED", message: "The machine stopped reporting.", retryable: true },
  retry_at: 20,
  run_seconds,
});

test.each(["transient", "application"] as const)(
  "attempts that ran in vain (%s) may not cost more than one whole run of the job",
  async (kind) => {
    const { actor, submitted } = jobWith([lost(kind, 40), lost(kind, 20), lost(kind, 1)]);
    actor.start();
    for (const now of [10, 20, 30, 40]) {
      await waitFor(
        actor,
        ({ value, status }) => status === "done" || value === "awaiting" || value === "retrying",
      );
      actor.send({ type: "clock.ticked", now });
    }
    await waitFor(actor, ({ status }) => status === "done");
    expect([submitted.length, actor.getSnapshot().value]).toEqual([2, "failed"]);
  },
);

test("a job that found no machine counts for the choice of the next one as one that lost it", async () => {
  const { actor, submitted } = jobWith([
    { ...lost("transient", 0), shortage: true } as CheckJobOutput,
    PREEMPTED,
    {
      verdict: "succeeded",
      outputs: { prediction: { path: "p.h5ad", sha256: "abc" } },
      run_seconds: 30,
    },
  ]);
  actor.start();
  for (const now of [10, 20, 30, 40, 50]) {
    await waitFor(
      actor,
      ({ value, status }) => status === "done" || value === "awaiting" || value === "retrying",
    );
    actor.send({ type: "clock.ticked", now });
  }
  await waitFor(actor, ({ status }) => status === "done");
  expect(submitted.map(({ preemptions }) => preemptions)).toEqual([0, 1, 2]);
});
