import { describe, expect, test } from "vitest";
import type { RunEffects } from "../../actors/host/bind-run-machine.ts";
import { usageOf } from "../../actors/host/usage.ts";
import type { EvaluateInput } from "../../machines/step-types.ts";
import { RUN_MACHINE } from "../../machines/run.ts";
import { cancelledRun, completedRun, failedRun, runningRun } from "../support/expected-runs.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects, type ScriptedEffects } from "../support/scripted-effects.ts";
import { HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import { systemClock } from "../../services/clock/system.ts";

const now = () => Date.now();
const change = (jobId: string, id = jobId) => ({
  event_id: id,
  job_id: jobId,
  state: "SUCCEEDED" as const,
});

test("a run goes through its states to completion, with both jobs side by side", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, scores: [4, 8] });
  const { supervisor, mails, transitions } = await hostRuns(store, effects);
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  const document = await settled;
  expect(document).toStrictEqual(completedRun(run("r1"), { scores: [4, 8] }));
  const states = transitions
    .filter(({ actor }) => actor === "run")
    .map(({ to }) => to.split(".")[0]);
  expect(states.filter((state, index) => state !== states[index - 1])).toEqual([
    "analyzing",
    "prompting",
    "inferring",
    "evaluating",
    "prompting",
    "inferring",
    "evaluating",
    "outputting",
    "completed",
  ]);
  expect(effects.done.filter((name) => name.startsWith("submitJob")).toSorted()).toEqual([
    "submitJob:hs-r1-i1-c-a1",
    "submitJob:hs-r1-i1-p-a1",
    "submitJob:hs-r1-i2-c-a1",
    "submitJob:hs-r1-i2-p-a1",
  ]);
  expect(mails.map(({ key }) => key)).toEqual(["r1.run_completed.1"]);
  const stored = await store.get("r1");
  expect(stored).toStrictEqual({
    document: { ...document, updated_at: expect.any(String) as string },
    snapshot: expect.any(String) as string,
    machine: RUN_MACHINE,
    revision: expect.any(Number) as number,
    lease: null,
    wake_at: null,
    inbox: [],
    outbox: [
      {
        key: "r1.run_completed.1",
        kind: "run_completed",
        state: "sent",
        attempts: 1,
        due_at: expect.any(Number) as number,
        owed_since: expect.any(Number) as number,
        problem: null,
      },
    ],
    priority: 0,
  });
});

test("one job predicts a whole round, with its control", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, scores: [4, 8] });
  const judged: EvaluateInput["round"][] = [];
  const { supervisor } = await hostRuns(store, {
    ...effects,
    evaluate(input, context) {
      judged.push(input.round);
      return effects.evaluate(input, context);
    },
  });
  const settled = supervisor.settled("r1");
  const asked = run("r1", { control_job: "together" });
  await supervisor.submit(asked);
  expect(await settled).toStrictEqual(completedRun(asked, { scores: [4, 8] }));
  expect(effects.done.filter((name) => /^(prepare|submit)Job/.test(name))).toEqual([
    "prepareJob:1:round",
    "submitJob:hs-r1-i1-r-a1",
    "prepareJob:2:round",
    "submitJob:hs-r1-i2-r-a1",
  ]);
  const stored = (iteration: number, pair: string) => ({
    path: `hs-r1-i${iteration}-r-a1.${pair}.h5ad`,
    sha256: "0",
  });
  expect(
    judged.map(({ predictions, control_predictions }) => [predictions, control_predictions]),
  ).toEqual(
    [1, 2].map((iteration) => [stored(iteration, "prediction"), stored(iteration, "control")]),
  );
});

test("without matched controls only the prediction job runs", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, strategy: "query_as_control" });
  const { supervisor } = await hostRuns(store, effects);
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await settled).toStrictEqual(completedRun(run("r1"), { strategy: "query_as_control" }));
  expect(effects.done.filter((name) => name.startsWith("submitJob"))).toEqual([
    "submitJob:hs-r1-i1-p-a1",
  ]);
});

test("scores that no longer rise end the run as a plateau, and the best iteration is delivered", async () => {
  const store = await temporaryStore();
  const { supervisor } = await hostRuns(
    store,
    scriptedEffects({ now, scores: [3, 5, 5, 4, 5, 6] }),
  );
  const settled = supervisor.settled("r1");
  const submitted = run("r1", { max_iterations: 10 });
  await supervisor.submit(submitted);
  expect(await settled).toStrictEqual(
    completedRun(submitted, { scores: [3, 5, 5, 4, 5], delivered: 2, reason: "plateau" }),
  );
});

test("no round is bought for a gain that the atlas says cannot come, whatever the threshold", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, scores: [3, 4, 9], noGainFrom: 2 });
  const { supervisor } = await hostRuns(store, effects);
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1", { max_iterations: 10 }));
  expect(await settled).toMatchObject({
    termination_reason: "no_expected_gain",
    final_score: 4,
    grounding_scores: [3, 4],
    expected_accuracy: { known: true, pearson: 0.8 },
  });
  expect(effects.done.filter((effect) => effect.startsWith("prompt:"))).toHaveLength(2);
});

test("max_iterations ends the run", async () => {
  const store = await temporaryStore();
  const { supervisor } = await hostRuns(store, scriptedEffects({ now, scores: [3, 4] }));
  const settled = supervisor.settled("r1");
  const submitted = run("r1", { max_iterations: 2, deliver: "last" });
  await supervisor.submit(submitted);
  expect(await settled).toStrictEqual(
    completedRun(submitted, { scores: [3, 4], delivered: 2, reason: "max_iterations" }),
  );
});

test("cancel stops the running jobs, shows at once, and mails when confirmed", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, jobState: "RUNNING" });
  const { supervisor, committed, mails } = await hostRuns(store, effects);
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  await committed("r1", (_, entries) =>
    entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
  );
  await supervisor.deliver("r1", { id: "c1", event: { type: "cancel.requested" } });
  const shown = await committed("r1", ({ status }) => status === "cancelled");
  const ended = cancelledRun(runningRun(run("r1"), "inference"));
  expect(shown).toStrictEqual({ ...ended, current_phase: "inference" });
  expect(await settled).toStrictEqual(ended);
  expect([...effects.jobs.values()]).toEqual(["CANCELLED", "CANCELLED"]);
  expect(mails.map(({ subject }) => subject)).toEqual(["run_cancelled"]);
});

test("a failed step fails the run with its phase, stops the other job, and RETRY resumes there", async () => {
  const store = await temporaryStore();
  let failing = true;
  const effects = scriptedEffects({
    now,
    before(effect) {
      if (failing && effect.startsWith("evaluate"))
        throw new HaystackError("PREDICTION_INVALID", "The prediction is not usable.");
    },
  });
  const { supervisor, mails } = await hostRuns(store, effects);
  const failed = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await failed).toStrictEqual(
    failedRun(
      runningRun(run("r1"), "evaluation"),
      "PREDICTION_INVALID",
      "The prediction is not usable.",
    ),
  );
  failing = false;
  const settled = supervisor.settled("r1");
  await supervisor.deliver("r1", { id: "retry-1", event: { type: "retry.requested" } });
  expect(await settled).toStrictEqual(completedRun(run("r1")));
  expect(effects.done.filter((name) => name.startsWith("submitJob"))).toHaveLength(2);
  expect(mails.map(({ subject }) => subject)).toEqual(["run_failed", "run_completed"]);
});

test("a failed job is tried again under a new name, and fails the run when its attempts are used up", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, jobState: "FAILED", strategy: "query_as_control" });
  const { supervisor } = await hostRuns(store, effects);
  const settled = supervisor.settled("r1");
  const submitted = run("r1", { max_job_attempts: 2 });
  await supervisor.submit(submitted);
  expect(await settled).toStrictEqual(
    failedRun(
      runningRun(submitted, "inference", { strategy: "query_as_control" }),
      "JOB_FAILED",
      "The scripted job failed.",
    ),
  );
  expect([...effects.jobs.keys()]).toEqual(["hs-r1-i1-p-a1", "hs-r1-i1-p-a2"]);
});

test("a job event moves a waiting run on; doubled and foreign events change nothing", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now, jobState: "RUNNING", strategy: "query_as_control" });
  const { supervisor, committed, jobEvents } = await hostRuns(store, effects);
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  await committed("r1", (_, entries) => entries.some(({ to }) => to === "awaiting"));
  effects.jobs.set("hs-r1-i1-p-a1", "SUCCEEDED");
  await jobEvents.publish(change("some-other-job"));
  await jobEvents.publish(change("hs-r9-i1-p-a1"));
  await Promise.all([
    jobEvents.publish(change("hs-r1-i1-p-a1")),
    jobEvents.publish(change("hs-r1-i1-p-a1")),
  ]);
  expect(await settled).toMatchObject({ status: "completed" });
});

test("a job that Batch has no quota for waits and is handed over again; its sibling goes on, and a restart does not begin its time anew", async () => {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now });
  const HOUR_MS = 3_600_000;
  const tries: (number | null | undefined)[] = [];
  const first = now();
  const postponing: RunEffects = {
    ...effects,
    async submitJob(input, context) {
      if (input.job.kind === "prediction") return effects.submitJob(input, context);
      tries.push(input.troubled_since);
      if (tries.length > 2) return effects.submitJob(input, context);
      return {
        problem: "no quota",
        troubled_since: input.troubled_since ?? first,
        try_at: first + tries.length * HOUR_MS,
      };
    },
  };
  const one = await hostRuns(store, postponing, { owner: "one" });
  await one.supervisor.submit(run("r1"));
  await one.committed("r1", (_, entries) =>
    entries.some(({ actor, to }) => actor === "controlJob" && to === "postponed"),
  );
  await one.supervisor.stop();
  const later: Clock = {
    ...systemClock,
    now: () => now() + 3 * HOUR_MS,
    at: (at, callback) => systemClock.at(at - 3 * HOUR_MS, callback),
  };
  const two = await hostRuns(store, postponing, { owner: "two", clock: later });
  await two.committed("r1", ({ status }) => status === "completed");
  expect(tries).toEqual([null, first, first]);
  expect(effects.done.filter((name) => name.startsWith("submitJob")).toSorted()).toEqual([
    "submitJob:hs-r1-i1-c-a1",
    "submitJob:hs-r1-i1-p-a1",
  ]);
});

describe("jobs that were stopped are paid for", () => {
  const HOUR = 3_600;
  const NO_MODEL = { llm_tokens: 0, llm_cost_usd: 0 };
  const offer = { machine: "a2-highgpu-1g", provisioning: "SPOT", usd_per_hour: 2 } as const;
  const RAN: Readonly<Record<string, number>> = {
    "hs-r1-i1-p-a1": HOUR / 2,
    "hs-r1-i1-c-a1": HOUR,
  };
  const usage = usageOf({ name: "stack", is_baseline: false });

  /** Jobs have a price and run until they are stopped; the control job needs to be asked twice. */
  function paid(effects: ScriptedEffects): RunEffects {
    return {
      ...effects,
      submitJob: async (input, context) => ({
        ...(await effects.submitJob(input, context)),
        offer,
      }),
      async cancelJobs({ job_ids, asked_at }, context) {
        const output = await effects.cancelJobs({ job_ids, asked_at }, context);
        const remaining = asked_at === null ? job_ids.filter((id) => id.includes("-c-")) : [];
        return {
          ...output,
          remaining,
          run_seconds: Object.fromEntries(
            job_ids.map((id) => [id, remaining.includes(id) ? 1 : (RAN[id] ?? 0)]),
          ),
        };
      },
    };
  }

  test("when the run is cancelled", async () => {
    const { supervisor, committed } = await hostRuns(
      await temporaryStore(),
      paid(scriptedEffects({ now, jobState: "RUNNING" })),
      { usage },
    );
    await supervisor.submit(run("r1"));
    await committed("r1", (_, entries) =>
      entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
    );
    await committed("r1", (_, entries) =>
      entries.some(({ actor, to }) => actor === "predictionJob" && to === "awaiting"),
    );
    const settled = supervisor.settled("r1");
    await supervisor.deliver("r1", { id: "c", event: { type: "cancel.requested" } });
    expect((await settled).usage).toStrictEqual({
      ...NO_MODEL,
      gpu_seconds: 1.5 * HOUR,
      gpu_cost_usd: 3,
    });
  });

  test("when the other job fails", async () => {
    const effects = scriptedEffects({ now, jobState: "RUNNING" });
    const { supervisor, jobEvents, committed } = await hostRuns(
      await temporaryStore(),
      paid(effects),
      { usage },
    );
    const settled = supervisor.settled("r1");
    const submitted = run("r1", { max_job_attempts: 1 });
    await supervisor.submit(submitted);
    await committed("r1", (_, entries) =>
      entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
    );
    await committed("r1", (_, entries) =>
      entries.some(({ actor, to }) => actor === "predictionJob" && to === "awaiting"),
    );
    effects.jobs.set("hs-r1-i1-p-a1", "FAILED");
    await jobEvents.publish(change("hs-r1-i1-p-a1"));
    const usd = (2 * (HOUR + 1)) / HOUR;
    expect(await settled).toStrictEqual({
      ...failedRun(runningRun(submitted, "inference"), "JOB_FAILED", "The scripted job failed."),
      usage: { ...NO_MODEL, gpu_seconds: HOUR + 1, gpu_cost_usd: expect.closeTo(usd, 9) as number },
    });
  });

  test("when they pass their deadline", async () => {
    const effects = paid(
      scriptedEffects({ now, jobState: "RUNNING", strategy: "query_as_control" }),
    );
    const overdue: RunEffects = {
      ...effects,
      checkJob: (input, context) => effects.checkJob({ ...input, deadline_at: 0 }, context),
    };
    const { supervisor } = await hostRuns(await temporaryStore(), overdue, { usage });
    const settled = supervisor.settled("r1");
    await supervisor.submit(run("r1"));
    expect(await settled).toStrictEqual({
      ...failedRun(
        runningRun(run("r1"), "inference", { strategy: "query_as_control" }),
        "JOB_DEADLINE_PASSED",
        "The scripted job took too long.",
      ),
      usage: { ...NO_MODEL, gpu_seconds: HOUR / 2, gpu_cost_usd: 1 },
    });
  });
});
