import { describe, expect, test } from "vitest";
import { run } from "../support/hosted-runs.ts";
import { NO_CEILINGS } from "../support/ceilings.ts";
import { HaystackError, type ErrorCode } from "../../errors.ts";
import { cancelJobs } from "../../actors/steps/cancel-jobs.ts";
import { checkJob } from "../../actors/steps/check-job.ts";
import type { StepPorts } from "../../actors/ports.ts";
import { submitJob } from "../../actors/steps/submit-job.ts";
import { manualClock, type ManualClock } from "../../services/clock/manual.ts";
import type {
  BatchService,
  InferenceJobSpec,
  JobFailure,
  JobStatus,
} from "../../services/batch/index.ts";
import type { JobFailureLimits, JobRecord } from "../../machines/run-types.ts";
import type {
  CheckJobInput,
  CheckTrouble,
  PostponedJob,
  SubmitJobInput,
} from "../../machines/step-types.ts";
import { memoryShared } from "../support/memory-shared.ts";

/** The steps that deal with Batch, alone, with a Batch that says what the test wants. */

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const context = {
  signal: new AbortController().signal,
  quiesce: () => Promise.resolve(),
  resumed: false,
};
const NONE: JobFailureLimits = { transient: 0, preempted: 0, application: 0 };

const job = (attempt = 1): JobRecord => ({
  job_id: `hs-r1-i1-p-a${attempt}`,
  iteration: 1,
  kind: "prediction",
  attempt,
  state: "submitted",
  run_seconds: null,
  offer: null,
  cost_usd: 0,
  failure: null,
  problem: null,
});
const toCheck = (more: Partial<CheckJobInput> = {}): CheckJobInput => ({
  job: job(),
  run_id: "r1",
  failures: NONE,
  submitted_at: NOW,
  deadline_at: NOW + 60 * MINUTE,
  ...more,
});

/** What is put there is not kept. */
const NO_JOURNAL = {
  journalGet: async () => undefined,
  journalPut: async (_run: string, _key: string, value: unknown) => value,
  shared: memoryShared(),
};

const portsOf = (batch: Partial<BatchService>, more: Partial<StepPorts> = {}): StepPorts =>
  ({
    batch: { notFoundGraceMs: 0, offer: () => null, ...batch },
    clock: manualClock(NOW),
    ceilings: NO_CEILINGS,
    runs: { get: async () => undefined, ...NO_JOURNAL },
    reconcileMs: 30_000,
    ...more,
  }) as unknown as StepPorts;
const saying = (status: Partial<JobStatus>): Partial<BatchService> => ({
  get: (job_id) => Promise.resolve({ job_id, state: "RUNNING", ...status }),
});
const failing = (failure: Partial<JobFailure>): Partial<BatchService> =>
  saying({
    state: "FAILED",
    failure: { kind: "transient", reason: "no capacity", exit_code: null, ...failure },
  });

describe("a failed attempt", () => {
  test.each([
    [NONE, 31, 1_000],
    [{ transient: 2, preempted: 1, application: 0 }, 4, 8_000],
    [{ transient: 1, preempted: 0, application: 2 }, 4, 8_000],
    [{ transient: 99, preempted: 99, application: 9 }, 208, 5 * MINUTE],
  ])(
    "after failures %j is repeated as attempt %i + 1 after %i ms: the attempts of earlier tries by the user do not count",
    async (failures, attempt, pause) => {
      const verdict = await checkJob(portsOf(failing({})))(
        toCheck({ job: job(attempt), failures }),
        context,
      );
      expect(verdict).toStrictEqual({
        verdict: "failed",
        kind: "transient",
        error: {
          code: "JOB_FAILED",
          message: `The inference job hs-r1-i1-p-a${attempt} failed: no capacity`,
          retryable: true,
        },
        retry_at: NOW + pause,
        run_seconds: null,
      });
    },
  );

  test.each([
    [1, NONE, true],
    [4, { transient: 1, preempted: 2, application: 0 }, true],
    [2, { transient: 0, preempted: 0, application: 1 }, false],
  ])(
    "that may be repeated once: attempt %i after failures %j, repeated: %s",
    async (attempt, failures, retryable) => {
      const verdict = await checkJob(
        portsOf(failing({ kind: "application", repeats: "once", exit_code: 4 })),
      )(toCheck({ job: job(attempt), failures }), context);
      expect(verdict).toStrictEqual({
        verdict: "failed",
        kind: "application",
        error: {
          code: "JOB_FAILED",
          message: `The inference job hs-r1-i1-p-a${attempt} failed: no capacity`,
          retryable,
        },
        retry_at: expect.any(Number) as number,
        run_seconds: null,
      });
    },
  );
});

test("a machine is offered for the preemptions so far, and the job is handed over as offered", async () => {
  const handed: unknown[] = [];
  const submit = submitJob(
    portsOf({
      offer: (preemptions) => ({
        machine: "a2-highgpu-1g",
        provisioning: preemptions < 2 ? "SPOT" : "STANDARD",
        usd_per_hour: preemptions < 2 ? 1 : 3,
      }),
      submit: ({ job_id, offer, max_run_seconds, seed }) => {
        handed.push({ provisioning: offer?.provisioning, max_run_seconds, seed });
        return Promise.resolve({ job_id, state: "QUEUED" });
      },
    }),
  );
  const asked: SubmitJobInput = {
    job: job(),
    run_id: "r1",
    random_seed: 5,
    deadline_seconds: 60,
    preemptions: 1,
    max_gpu_cost_usd: null,
  };
  const submitted = { now: NOW, deadline_at: NOW + MINUTE, check_at: NOW + 30_000 };
  expect(await submit(asked, context)).toEqual({
    ...submitted,
    offer: { machine: "a2-highgpu-1g", provisioning: "SPOT", usd_per_hour: 1 },
  });
  expect(await submit({ ...asked, preemptions: 2 }, context)).toEqual({
    ...submitted,
    offer: { machine: "a2-highgpu-1g", provisioning: "STANDARD", usd_per_hour: 3 },
  });
  expect(handed).toEqual([
    { provisioning: "SPOT", max_run_seconds: 60, seed: 5 },
    { provisioning: "STANDARD", max_run_seconds: 60, seed: 5 },
  ]);
});

test("no job is begun once a run has spent what it may, to the cent; one that is known is taken on", async () => {
  const submitting = (spent: number, known: boolean) => {
    const handed: string[] = [];
    const submit = submitJob(
      portsOf(
        {
          offer: () => ({ machine: "a2-highgpu-1g", provisioning: "SPOT", usd_per_hour: 1 }),
          get: (job_id) => Promise.resolve(known ? { job_id, state: "RUNNING" } : undefined),
          submit: ({ job_id }) => {
            handed.push(job_id);
            return Promise.resolve({ job_id, state: "QUEUED" });
          },
        },
        {
          runs: {
            ...NO_JOURNAL,
            get: async () => ({ document: { ...run("r1"), usage: { gpu_cost_usd: spent } } }),
            usedBy: async () => ({ queued: 0, gpu_cost_usd: spent, gpu_reserved_usd: 0 }),
          } as unknown as StepPorts["runs"],
        },
      ),
    )(
      {
        job: job(),
        run_id: "r1",
        random_seed: 5,
        deadline_seconds: 60,
        preemptions: 0,
        max_gpu_cost_usd: 2,
        troubled_since: null,
      },
      context,
    );
    return { handed, submit };
  };
  for (const [spent, known] of [
    [1.99, false],
    [2, true],
  ] as const) {
    const { handed, submit } = submitting(spent, known);
    await submit;
    expect(handed).toEqual(["hs-r1-i1-p-a1"]);
  }
  const { handed, submit } = submitting(2, false);
  await expect(submit).rejects.toMatchObject({
    code: "GPU_BUDGET_SPENT",
    message: "The run has spent 2.00 of 2.00 USD on GPU jobs; raise max_gpu_cost_usd to go on.",
  });
  expect(handed).toEqual([]);
});

describe("a job that Batch cannot take now", () => {
  const DEADLINE_SECONDS = 3_600;
  const toSubmit = (more: Partial<SubmitJobInput> = {}): SubmitJobInput => ({
    job: job(),
    run_id: "r1",
    random_seed: 1,
    deadline_seconds: DEADLINE_SECONDS,
    preemptions: 0,
    max_gpu_cost_usd: null,
    ...more,
  });
  const submitting = (clock: ManualClock, code: ErrorCode, names: string[] = []) =>
    submitJob(
      portsOf(
        {
          submit: ({ job_id }) => (
            names.push(job_id),
            Promise.reject(new HaystackError(code, "scripted"))
          ),
        },
        { clock },
      ),
    );

  test.each(["BATCH_QUOTA", "BATCH_UNAVAILABLE"] as const)(
    "%s: is handed over again by the same name, ever less often, for as long as it may run",
    async (code) => {
      const clock = manualClock(NOW);
      const names: string[] = [];
      const submit = submitting(clock, code, names);
      const pauses: number[] = [];
      let last: PostponedJob | null = null;
      while (clock.now() < NOW + DEADLINE_SECONDS * 1_000) {
        last = (await submit(
          toSubmit({ troubled_since: last?.troubled_since ?? null }),
          context,
        )) as PostponedJob;
        expect(last).toStrictEqual({
          problem: "scripted",
          troubled_since: NOW,
          try_at: expect.any(Number) as number,
        });
        pauses.push(last.try_at - clock.now());
        clock.advanceTo(last.try_at);
      }
      expect(clock.now()).toBe(NOW + DEADLINE_SECONDS * 1_000);
      expect(pauses.slice(0, -1)).toEqual(
        pauses.slice(0, -1).toSorted((one, other) => one - other),
      );
      expect([pauses[0], Math.max(...pauses)]).toEqual([5_000, 5 * MINUTE]);
      await expect(submit(toSubmit({ troubled_since: NOW }), context)).rejects.toMatchObject({
        code,
      });
      expect(new Set(names)).toEqual(new Set(["hs-r1-i1-p-a1"]));
    },
  );

  test.each(["BATCH_REFUSED", "JOB_NOT_OURS", "STEP_ABORTED"] as const)(
    "%s is no such case",
    async (code) => {
      await expect(submitting(manualClock(NOW), code)(toSubmit(), context)).rejects.toMatchObject({
        code,
      });
    },
  );
});

describe("a check without an answer", () => {
  const HOUR = 60 * MINUTE;
  const OUT_OF_MEMORY = new HaystackError("INTERNAL", "The process ran out of memory.");
  const NO_STORAGE = new HaystackError("OBJECTS_UNAVAILABLE", "The bucket does not answer.");
  const NO_BATCH = new HaystackError("BATCH_UNAVAILABLE", "Google Batch does not answer.");

  /**
   * Checks the job, as often as the verdicts say, until something else than waiting comes of it or
   * the time is over.
   */
  async function checkOn(
    fault: (now: number) => {
      readonly batch?: Error;
      readonly objects?: Error;
      readonly compute?: Error;
    },
    { until = NOW + 24 * HOUR, deadline_at = NOW + HOUR } = {},
  ) {
    const clock = manualClock(NOW);
    const orThrow = async <Value>(error: Error | undefined, value: Value): Promise<Value> => {
      if (error !== undefined) throw error;
      return value;
    };
    const check = checkJob(
      portsOf(
        {
          get: (job_id) =>
            orThrow(fault(clock.now()).batch, { job_id, state: "SUCCEEDED", run_seconds: 60 }),
        },
        {
          clock,
          objects: {
            fetch: () => orThrow(fault(clock.now()).objects, "file"),
          } as unknown as StepPorts["objects"],
          compute: {
            run: () => orThrow(fault(clock.now()).compute, "0"),
          } as unknown as StepPorts["compute"],
        },
      ),
    );
    const pauses: number[] = [];
    let verdict = await check(toCheck({ deadline_at }), context);
    while (verdict.verdict === "waiting" && clock.now() < until) {
      pauses.push(verdict.check_at - clock.now());
      clock.advanceTo(verdict.check_at);
      verdict = await check(toCheck({ deadline_at, trouble: verdict.trouble ?? null }), context);
    }
    return { verdict, pauses, passed: clock.now() - NOW };
  }
  const failed = (after: number, minutes: number, { code, message }: HaystackError) => ({
    verdict: "failed",
    kind: "application",
    error: {
      code,
      message: `The prediction of the job hs-r1-i1-p-a1 could not be checked for ${minutes} minutes: ${message}`,
      retryable: false,
    },
    retry_at: NOW + after + 1_000,
    run_seconds: 60,
  });
  const SUCCEEDED = {
    verdict: "succeeded",
    outputs: { prediction: { path: "batch-io/r1/iter_1/predictions.h5ad", sha256: "0" } },
    run_seconds: 60,
  };

  test.each([OUT_OF_MEMORY, new RangeError("Invalid array length")])(
    "whose computation breaks (%s) ends after ten minutes, with ever longer pauses",
    async (compute) => {
      const { verdict, pauses, passed } = await checkOn(() => ({ compute }));
      const error = new HaystackError("INTERNAL", compute.message);
      expect(verdict).toStrictEqual(failed(10 * MINUTE, 10, error));
      expect(passed).toBe(10 * MINUTE);
      expect(pauses.length).toBeLessThan(25);
      expect(pauses.slice(0, -1)).toEqual(
        pauses.slice(0, -1).toSorted((one, other) => one - other),
      );
    },
  );

  test("for want of the object store is patient until the deadline, and ten minutes where that is past", async () => {
    const pauses = expect.any(Array) as number[];
    expect(await checkOn(() => ({ objects: NO_STORAGE }))).toStrictEqual({
      passed: HOUR,
      pauses,
      verdict: failed(HOUR, 60, NO_STORAGE),
    });
    expect(await checkOn(() => ({ objects: NO_STORAGE }), { deadline_at: NOW - 1 })).toStrictEqual({
      passed: 10 * MINUTE,
      pauses,
      verdict: failed(10 * MINUTE, 10, NO_STORAGE),
    });
    const down = (now: number) => (now < NOW + 8 * MINUTE ? { objects: NO_STORAGE } : {});
    expect((await checkOn(down, { deadline_at: NOW - 1 })).verdict).toStrictEqual(SUCCEEDED);
  });

  test.each(["DISK_FULL", "TOO_MANY_FILES"] as const)(
    "for want of the machine (%s) is as patient as other steps",
    async (code) => {
      const fault = new HaystackError(code, "The machine has run out.");
      expect(await checkOn(() => ({ objects: fault }), { deadline_at: NOW - 1 })).toStrictEqual({
        passed: 6 * HOUR,
        pauses: expect.any(Array) as number[],
        verdict: failed(6 * HOUR, 360, fault),
      });
    },
  );

  test("of Batch goes on past the deadline, and its time is not counted to what comes after it", async () => {
    const { verdict, pauses } = await checkOn((now) =>
      now < NOW + 3 * HOUR
        ? { batch: NO_BATCH }
        : now < NOW + 3 * HOUR + 5 * MINUTE
          ? { compute: OUT_OF_MEMORY }
          : {},
    );
    expect(verdict).toStrictEqual(SUCCEEDED);
    expect(Math.max(...pauses)).toBe(5 * MINUTE);
  });

  test("of a run that was stopped is no answer at all", async () => {
    const signal = AbortSignal.abort(NO_BATCH);
    await expect(
      checkJob(portsOf({ get: () => Promise.reject(NO_STORAGE) }))(toCheck(), {
        ...context,
        signal,
      }),
    ).rejects.toBe(NO_BATCH);
  });
});

describe("a round of two pairs", () => {
  const round: JobRecord = { ...job(), job_id: "hs-r1-i1-r-a1", kind: "round" };
  const FOLDER = "batch-io/r1/iter_1";

  /** Says what was removed, too. */
  async function checkRound(invalid: string | null, remove?: StepPorts["objects"]["remove"]) {
    const removed: string[] = [];
    const verdict = await checkJob(
      portsOf(saying({ state: "SUCCEEDED", run_seconds: 60 }), {
        objects: {
          fetch: async ({ path }: { readonly path: string }) => path,
          remove: remove ?? (async (path: string) => void removed.push(path)),
        } as unknown as StepPorts["objects"],
        compute: {
          run: async (_: string, { prediction, query }: Record<string, string>) => {
            if (prediction === invalid)
              throw new HaystackError("PREDICTION_INVALID", "The prediction is all zero.");
            return `digest of ${prediction} for ${query}`;
          },
        } as unknown as StepPorts["compute"],
      }),
    )(toCheck({ job: round }), context);
    return { verdict, removed };
  }

  test("has succeeded when each prediction is there and valid", async () => {
    const output = (name: string) => ({
      path: `${FOLDER}/${name}.h5ad`,
      sha256: `digest of ${FOLDER}/${name}.h5ad for ${FOLDER}/query.h5ad`,
    });
    expect(await checkRound(null)).toStrictEqual({
      verdict: {
        verdict: "succeeded",
        outputs: { prediction: output("predictions"), control: output("control_predictions") },
        run_seconds: 60,
      },
      removed: [],
    });
  });

  test.each(["predictions", "control_predictions"])(
    "fails with invalid %s, which no further attempt takes for done",
    async (name) => {
      const { verdict, removed } = await checkRound(`${FOLDER}/${name}.h5ad`);
      expect(verdict).toMatchObject({
        verdict: "failed",
        kind: "application",
        error: { code: "PREDICTION_INVALID" },
      });
      expect(removed).toEqual(
        expect.arrayContaining([
          `${FOLDER}/${name}.h5ad.metrics.json`,
          `${FOLDER}/${name}.h5ad.work.json`,
        ]),
      );
    },
  );

  test("fails with an invalid prediction also where what says that it is done stays, and says so", async () => {
    const refusal = "The account may not remove objects.";
    const { verdict } = await checkRound(`${FOLDER}/predictions.h5ad`, async () => {
      throw new HaystackError("OBJECTS_UNAVAILABLE", refusal);
    });
    expect(verdict).toMatchObject({
      verdict: "failed",
      kind: "application",
      error: {
        code: "PREDICTION_INVALID",
        message: `The prediction is all zero. A further attempt may find it again: ${refusal}`,
      },
    });
  });

  test("is handed over as one job, with a manifest of its pairs", async () => {
    const handed: InferenceJobSpec[] = [];
    await submitJob(
      portsOf({
        submit: async (spec) => {
          handed.push(spec);
          return { job_id: spec.job_id, state: "QUEUED" };
        },
      }),
    )(
      {
        job: round,
        run_id: "r1",
        random_seed: 5,
        deadline_seconds: 3_600,
        preemptions: 0,
        max_gpu_cost_usd: null,
      },
      context,
    );
    const pair = (name: string, prompt: string, output: string) => ({
      name,
      prompt: `${FOLDER}/${prompt}.h5ad`,
      query: `${FOLDER}/query.h5ad`,
      output: `${FOLDER}/${output}.h5ad`,
    });
    expect(handed).toMatchObject([
      {
        kind: "round",
        manifest: `${FOLDER}/round_manifest.json`,
        pairs: [
          pair("prediction", "prompt", "predictions"),
          pair("control", "control_prompt", "control_predictions"),
        ],
      },
    ]);
  });
});

describe("the deadline of a job that runs", () => {
  const checkAt = (now: number) =>
    checkJob(portsOf(saying({}), { clock: manualClock(now), reconcileMs: 30_000 }))(
      toCheck({ deadline_at: NOW + MINUTE }),
      context,
    );

  test.each([0, 30_000, MINUTE - 1])(
    "is when the job is checked again: %i ms after it was handed over, and known to Batch",
    async (passed) => {
      const now = NOW + passed;
      expect(await checkAt(now)).toEqual({
        verdict: "waiting",
        now,
        check_at: NOW + MINUTE,
        held: null,
      });
    },
  );

  test.each([
    [20_000, 20_000],
    [2 * MINUTE, MINUTE],
  ])("or where Batch may know it by then: with a grace of %i ms after %i ms", async (grace, at) => {
    const ports = portsOf({ get: () => Promise.resolve(undefined), notFoundGraceMs: grace });
    expect(await checkJob(ports)(toCheck({ deadline_at: NOW + MINUTE }), context)).toEqual({
      verdict: "waiting",
      now: NOW,
      check_at: NOW + at,
    });
  });

  test.each([0, 1, MINUTE])("has passed %i ms after it", async (late) => {
    expect(await checkAt(NOW + MINUTE + late)).toEqual({
      verdict: "overdue",
      error: {
        code: "JOB_DEADLINE_PASSED",
        message: expect.stringContaining("hs-r1-i1-p-a1") as string,
        retryable: true,
      },
    });
  });

  test.each([
    ["so long as the job may run", 3_600, 30_000],
    ["the deadline itself where it comes before the usual pause", 10, 10_000],
  ])("of a new job: it is looked at after %s", async (_, deadline_seconds, pause) => {
    const ports = portsOf({ submit: ({ job_id }) => Promise.resolve({ job_id, state: "QUEUED" }) });
    const input = {
      job: job(),
      run_id: "r1",
      random_seed: 1,
      deadline_seconds,
      preemptions: 0,
      max_gpu_cost_usd: null,
    };
    expect(await submitJob(ports)(input, context)).toEqual({
      offer: null,
      now: NOW,
      deadline_at: NOW + deadline_seconds * 1_000,
      check_at: NOW + pause,
    });
  });
});

test("a job that waited for hours keeps its whole running time", async () => {
  const hour = 60 * MINUTE;
  const check = (now: number, status: Partial<JobStatus>) =>
    checkJob(portsOf(saying(status), { clock: manualClock(now) }))(
      toCheck({ deadline_at: NOW + 6 * hour }),
      context,
    );
  const started_at = NOW + 5 * hour;
  for (const [hours, status, verdict] of [
    [6, { state: "SCHEDULED" }, "overdue"],
    [6, { state: "RUNNING" }, "overdue"],
    [6, { state: "RUNNING", started_at }, "waiting"],
    [10.9, { state: "RUNNING", started_at }, "waiting"],
    [11, { state: "RUNNING", started_at }, "overdue"],
  ] as const)
    expect((await check(NOW + hours * hour, status)).verdict).toBe(verdict);
  // What is told of a run relies on it (run-details.ts).
  expect(await check(NOW + 6 * hour, { state: "RUNNING", started_at })).toMatchObject({
    check_at: NOW + 11 * hour,
  });
});

test("a job that was cancelled without ever having had a machine is submitted again, another is not", async () => {
  const check = (status: Partial<JobStatus>) =>
    checkJob(portsOf(saying({ state: "CANCELLED", ...status })))(toCheck(), context);
  expect(await check({ shortage: true })).toMatchObject({
    verdict: "failed",
    kind: "transient",
    shortage: true,
    error: { code: "JOB_FAILED", retryable: true },
  });
  expect(await check({})).toMatchObject({ kind: "application", error: { retryable: false } });
});

test("a job that was stopped to be moved is moved on, and counts as no loss beside", async () => {
  const noted = new Set<string>();
  const ports = portsOf(saying({ state: "CANCELLED", shortage: true }), {
    runs: {
      ...NO_JOURNAL,
      journalGet: async (_run: string, key: string) => (noted.has(key) ? true : undefined),
    } as unknown as StepPorts["runs"],
  });
  const offered = {
    ...job(),
    offer: { machine: "m", provisioning: "SPOT", usd_per_hour: 1 } as const,
  };
  const check = () => checkJob(ports)(toCheck({ job: offered }), context);
  expect(await check()).toMatchObject({ verdict: "failed", shortage: true });
  noted.add("moved.hs-r1-i1-p-a1");
  expect(await check()).toStrictEqual({
    verdict: "failed",
    kind: "transient",
    moves_on: true,
    error: {
      code: "JOB_FAILED",
      message:
        "The job hs-r1-i1-p-a1 found no machine (m, SPOT); it is submitted again with the next offer.",
      retryable: true,
    },
    retry_at: NOW + 1_000,
    run_seconds: null,
  });
});

test("a job waits where those under way may use up what the run may spend, and is taken on where it is known", async () => {
  const under = (state: JobRecord["state"]): JobRecord => ({
    ...job(),
    job_id: "hs-r1-i1-c-a1",
    state,
    offer: { machine: "m", provisioning: "SPOT", usd_per_hour: 2 },
  });
  const submit = async (state: JobRecord["state"], spent: number, known = false) => {
    const handed: string[] = [];
    const output = await submitJob(
      portsOf(
        {
          offer: () => ({ machine: "m", provisioning: "SPOT", usd_per_hour: 2 }),
          get: (job_id) => Promise.resolve(known ? { job_id, state: "RUNNING" } : undefined),
          submit: ({ job_id }) => {
            handed.push(job_id);
            return Promise.resolve({ job_id, state: "QUEUED" });
          },
        },
        {
          runs: {
            ...NO_JOURNAL,
            get: async () => ({
              document: {
                ...run("r1", { job_deadline_seconds: 3_600 }),
                usage: { gpu_cost_usd: spent },
              },
              snapshot: JSON.stringify({ context: { jobs: [under(state), job()] } }),
            }),
            usedBy: async () => ({ queued: 0, gpu_cost_usd: spent, gpu_reserved_usd: 0 }),
          } as unknown as StepPorts["runs"],
        },
      ),
    )(
      {
        job: job(),
        run_id: "r1",
        random_seed: 5,
        deadline_seconds: 3_600,
        preemptions: 0,
        max_gpu_cost_usd: 3,
      },
      context,
    );
    return "problem" in output ? output.problem : handed.length;
  };
  expect(await submit("submitted", 1)).toMatch(/waits for another one.*3\.00 USD/);
  expect(await submit("submitted", 1, true)).toBe(1);
  expect(await submit("submitted", 0.99)).toBe(1);
  expect(await submit("succeeded", 1)).toBe(1);
});

test("stopping jobs tells how long each has run, whatever it has come to", async () => {
  const known: Record<string, JobStatus> = {
    done: { job_id: "done", state: "SUCCEEDED", run_seconds: 60 },
    stopped: { job_id: "stopped", state: "CANCELLED", run_seconds: 7 },
    running: { job_id: "running", state: "RUNNING", run_seconds: 5 },
    queued: { job_id: "queued", state: "QUEUED" },
  };
  const ports = portsOf({
    cancel: () => Promise.resolve(),
    get: (jobId) => Promise.resolve(known[jobId]),
  });
  const output = await cancelJobs(ports)(
    { job_ids: [...Object.keys(known), "unknown"], asked_at: null },
    context,
  );
  expect(output).toStrictEqual({
    remaining: ["running", "queued"],
    asked_at: NOW,
    check_at: NOW + 2_000,
    run_seconds: { done: 60, stopped: 7, running: 5 },
  });
});

test("a job that cannot be stopped now leaves no other one running, and says so", async () => {
  const asked: string[] = [];
  const ports = portsOf({
    cancel(jobId) {
      asked.push(jobId);
      return jobId === "odd"
        ? Promise.reject(new HaystackError("BATCH_UNAVAILABLE", "Batch does not answer."))
        : Promise.resolve();
    },
    get: (job_id) => Promise.resolve({ job_id, state: "CANCELLED", run_seconds: 3 }),
  });
  const cancel = (trouble: CheckTrouble | null) =>
    cancelJobs(ports)({ job_ids: ["odd", "fine", "last"], asked_at: NOW, trouble }, context);
  const trouble = { code: "BATCH_UNAVAILABLE", message: "Batch does not answer.", since: NOW };
  expect(await cancel(null)).toStrictEqual({
    remaining: ["odd"],
    asked_at: NOW,
    check_at: NOW + 2_000,
    run_seconds: { fine: 3, last: 3 },
    trouble,
  });
  expect(asked).toEqual(["odd", "fine", "last"]);
  expect(
    (await cancel({ ...trouble, code: "BATCH_UNAVAILABLE", since: NOW - 5 })).trouble?.since,
  ).toBe(NOW - 5);
});

test("a job that Batch does not know counts as stopped only after the time in which a new one may appear", async () => {
  const clock = manualClock(NOW);
  const asked: string[] = [];
  const cancel = cancelJobs(
    portsOf(
      {
        notFoundGraceMs: 5 * MINUTE,
        cancel: (jobId) => Promise.resolve(void asked.push(jobId)),
        get: () => Promise.resolve(undefined),
      },
      { clock },
    ),
  );
  const first = await cancel({ job_ids: ["j"], asked_at: null }, context);
  expect(first).toStrictEqual({
    remaining: ["j"],
    asked_at: NOW,
    check_at: NOW + 2_000,
    run_seconds: {},
  });
  clock.advance(5 * MINUTE - 1);
  const later = await cancel({ job_ids: ["j"], asked_at: NOW }, context);
  expect([later.remaining, later.asked_at]).toEqual([["j"], NOW]);
  clock.advance(1);
  expect((await cancel({ job_ids: ["j"], asked_at: NOW }, context)).remaining).toEqual([]);
  expect(asked).toEqual(["j", "j", "j"]);
});

test("stopping jobs waits for a submission under way, whose job Batch does not know before", async () => {
  const submission = Promise.withResolvers<void>();
  const asked: string[] = [];
  const jobs = new Map<string, JobStatus>();
  const ports = portsOf({
    cancel(jobId) {
      asked.push(`cancel ${jobId}`);
      if (jobs.has(jobId)) jobs.set(jobId, { job_id: jobId, state: "CANCELLATION_IN_PROGRESS" });
      return Promise.resolve();
    },
    get(jobId) {
      asked.push(`get ${jobId}`);
      return Promise.resolve(jobs.get(jobId));
    },
  });
  const quiesced = Promise.withResolvers<void>();
  const stopping = cancelJobs(ports)(
    { job_ids: ["late"], asked_at: null },
    {
      ...context,
      quiesce() {
        quiesced.resolve();
        return submission.promise;
      },
    },
  );
  await Promise.race([quiesced.promise, stopping]);
  expect(asked).toEqual([]);
  jobs.set("late", { job_id: "late", state: "QUEUED" });
  submission.resolve();
  const { remaining } = await stopping;
  expect(remaining).toEqual(["late"]);
  expect(asked).toEqual(["cancel late", "get late"]);
});

test("a job is named with what its cells were drawn by, where the run knows it", async () => {
  const handed: unknown[] = [];
  const submit = submitJob(
    portsOf({
      submit: ({ job_id, inputs }) => {
        handed.push(inputs);
        return Promise.resolve({ job_id, state: "QUEUED" });
      },
    }),
  );
  const asked: SubmitJobInput = {
    job: job(),
    run_id: "r1",
    random_seed: 1,
    deadline_seconds: 60,
    preemptions: 0,
    max_gpu_cost_usd: null,
  };
  await submit({ ...asked, plan: { path: "plan.json", sha256: "0123" } }, context);
  await submit(asked, context);
  expect(handed).toEqual(["0123", undefined]);
});
