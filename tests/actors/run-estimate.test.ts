import { describe, expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { runEstimator } from "../../actors/run-estimator.ts";
import type { BatchService, JobOffer } from "../../services/batch/index.ts";
import type { RunConfig, RunDocument } from "../../services/runs/document.ts";
import type { RunStore, TransitionEntry } from "../../services/runs/index.ts";
import { completedRun, failedRun, runningRun } from "../support/expected-runs.ts";
import { run, temporaryStore } from "../support/hosted-runs.ts";

const SPOT: JobOffer = { machine: "g2 with 1 l4", provisioning: "SPOT", usd_per_hour: 0.36 };
const STANDARD: JobOffer = { ...SPOT, provisioning: "STANDARD", usd_per_hour: 0.72 };
const OTHER: JobOffer = { machine: "a2", provisioning: "STANDARD", usd_per_hour: 3.6 };

type Batch = Pick<BatchService, "model" | "offer" | "predictor">;

const onBatch = (...offers: readonly JobOffer[]): Batch => ({
  model: { name: "stack", is_baseline: false },
  predictor: "an image",
  offer: (_, moves = 0) => offers[Math.min(moves, offers.length - 1)] ?? null,
});
const BASELINE: Batch = {
  model: { name: "delta-transfer", is_baseline: true },
  offer: () => null,
};
const OWN: Batch = { ...onBatch(), model: { name: "mine", is_baseline: false } };

interface Job {
  readonly offer: JobOffer | null;
  readonly seconds: number | null;
  readonly kind?: "round" | "prediction" | "control";
  readonly lost?: true;
}

interface Ran {
  readonly iterations?: number;
  /** Of each iteration. */
  readonly jobs?: readonly Job[];
  readonly model?: string;
  readonly config?: Partial<RunConfig>;
  readonly usage?: Partial<RunDocument["usage"]>;
  readonly found?: number;
  /** Seconds of an iteration that its jobs were waited for, and of the rest. */
  readonly inferring?: number;
  readonly other?: number;
}

const MACHINE = { id: "run", version: "2" };
const JOB: Job = { offer: SPOT, seconds: 600 };

/** A run that has ended, with its jobs and its log, as its host would have committed it. */
async function insertRan(
  store: RunStore,
  id: string,
  {
    iterations = 2,
    jobs = [JOB],
    model = "stack",
    config = {},
    usage = {},
    found = 0,
    inferring = 720,
    other = 30,
  }: Ran = {},
  status: "completed" | "failed" = "completed",
): Promise<void> {
  const asked = run(id, { control_job: "together", ...config });
  const done = completedRun(asked, { scores: Array.from({ length: iterations }, () => 8) });
  const time = asked.created_at;
  const document: RunDocument = {
    ...(status === "completed"
      ? done
      : failedRun(runningRun(asked, "inference"), "JOB_FAILED", "It failed.")),
    started_at: time,
    updated_at: time,
    completed_at: time,
    iterations: done.iterations.map((summary) => ({
      ...summary,
      model: { name: model, is_baseline: false },
      ...(found === 0
        ? {}
        : {
            found_predictions: Array.from({ length: found }, () => ({
              prediction: "control" as const,
              run_id: "earlier",
              iteration: 1,
            })),
          }),
    })),
    usage: { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0, ...usage },
  };
  const records = Array.from({ length: iterations }, (_, index) =>
    jobs.map(({ offer, seconds, kind = "round", lost }, attempt) => ({
      job_id: `hs-${id}-i${index + 1}-${kind}-a${attempt + 1}`,
      iteration: index + 1,
      kind,
      attempt: attempt + 1,
      state: lost === true ? "failed" : "succeeded",
      run_seconds: seconds,
      offer,
      cost_usd: 0,
      failure: null,
      problem: null,
    })),
  ).flat();
  let at = 0;
  const entry = (to: string, seconds: number): TransitionEntry => {
    at += seconds * 1_000;
    return { revision: 1, at, actor: "run", event: "any", from: "any", to };
  };
  const history = [
    entry("analyzing", 0),
    ...Array.from({ length: iterations }, () => [
      entry("inferring.together", other),
      entry("evaluating", inferring),
    ]).flat(),
    entry("failed", 0),
    // Its user slept on it.
    entry("evaluating", 100_000),
    entry(status, 0),
  ];
  await store.insert(asked, { owner: "one", expires_at: 1e13 });
  expect(
    await store.commit([
      {
        run_id: id,
        expect: { revision: 0, token: 1, status: "pending" },
        document,
        snapshot: JSON.stringify({ context: { jobs: records } }),
        machine: MACHINE,
        wake_at: null,
        attention_at: null,
        consumed: [],
        outbox: [],
        history,
      },
    ]),
  ).toEqual([{ result: "committed" }]);
}

const estimateIn = (
  store: RunStore,
  batch: Batch,
  {
    config = {},
    strategy = "synthetic_control",
    key,
    most = 100,
    prompts = 1,
  }: {
    readonly config?: Partial<RunConfig>;
    readonly strategy?: "synthetic_control" | "query_as_control";
    readonly key?: string;
    readonly most?: number;
    readonly prompts?: number;
  } = {},
) =>
  runEstimator({
    runs: store,
    batch,
    config: { OPENAI_API_KEY: key, MAX_GPU_USD_PER_RUN: most },
    promptsPerRound: prompts,
  })({ config: run("asked", { control_job: "together", ...config }).config, strategy });

const rounded = (range: object | null): object | null =>
  range && Object.fromEntries(Object.entries(range).map(([name, v]) => [name, +v.toFixed(4)]));

describe("what a run will take, before any has been completed", () => {
  test("is assumed of a job on Batch, at the prices of its offers, and says so", async () => {
    const told = await estimateIn(await temporaryStore(), onBatch(STANDARD));
    // 540 s to start and 2 x 30 s to predict, 60 s between; 1, 2 and 5 iterations; 2/3 to 5/3.
    expect(rounded(told.minutes)).toEqual({ low: 7.3333, likely: 22, high: 91.6667 });
    expect(rounded(told.usd)).toEqual({ low: 0.08, likely: 0.24, high: 1 });
    expect(told).toMatchObject({ language_model: "none", rests_on: "assumptions", runs: 0 });
    expect(told.in_words).toBe(
      "It is likely to take 22 minutes (7 to 92) once it begins, by what is assumed of a GPU job, as no completed run tells it for the machines that are offered now. It is likely to cost 0.24 USD (0.08 to 1.00).",
    );
  });

  test("reckons with preemption and with the dearest offer, and two jobs cost two starts", async () => {
    const store = await temporaryStore();
    const one = await estimateIn(store, onBatch(SPOT, STANDARD));
    const attempts = ((Math.exp((0.1 * 600) / 3_600) - 1) / 0.1) * 3_600;
    expect(one.usd!.likely).toBeCloseTo(2 * (attempts / 3_600) * 0.36, 9);
    expect(one.usd!.high).toBeCloseTo(5 * ((attempts * 5) / 3 / 3_600) * 0.72, 9);
    const two = await estimateIn(store, onBatch(STANDARD), { config: { control_job: "separate" } });
    expect(rounded(two.usd)).toMatchObject({ likely: 0.456 });
    expect(rounded(two.minutes)).toMatchObject({ likely: 21 });
    const single = await estimateIn(store, onBatch(STANDARD), { strategy: "query_as_control" });
    expect(rounded(single.usd)).toMatchObject({ likely: 0.228 });
  });

  test("a round of four prompts takes up to eight predictions and one start", async () => {
    const store = await temporaryStore();
    const four = await estimateIn(store, onBatch(STANDARD), { prompts: 4 });
    // 540 s to start and 8 x 30 s to predict.
    expect(four.usd!.likely).toBeCloseTo(2 * (780 / 3_600) * 0.72, 9);
    const asked = await estimateIn(store, onBatch(STANDARD), { config: { prompts_per_round: 4 } });
    expect(asked).toEqual(four);
    // A run that had one prompt tells of its start.
    await insertRan(store, "r1", { jobs: [{ offer: STANDARD, seconds: 660 }] });
    const measured = await estimateIn(store, onBatch(STANDARD), { prompts: 4 });
    expect(measured.usd!.likely).toBeCloseTo(2 * (840 / 3_600) * 0.72, 9);
  });

  test("goes as far as the run may spend, and one iteration beyond", async () => {
    const store = await temporaryStore();
    const asked = await estimateIn(store, onBatch(STANDARD), {
      config: { max_gpu_cost_usd: 0.05 },
    });
    expect(rounded(asked.usd)).toEqual({ low: 0.08, likely: 0.24, high: 0.25 });
    const allowed = await estimateIn(store, onBatch(STANDARD), { most: 0.05 });
    expect(allowed.usd).toEqual(asked.usd);
  });

  test("is nothing on the baseline, and not known of a program of one's own", async () => {
    const store = await temporaryStore();
    expect(await estimateIn(store, BASELINE)).toEqual({
      minutes: null,
      usd: { low: 0, likely: 0, high: 0 },
      language_model: "none",
      rests_on: null,
      runs: 0,
      in_words:
        "How long it takes is not known: no run of its kind has been completed here. It costs nothing.",
    });
    expect(await estimateIn(store, OWN)).toMatchObject({
      minutes: null,
      usd: null,
      rests_on: null,
    });
    expect((await estimateIn(store, BASELINE, { key: "k" })).in_words).toContain(
      "Its predictions cost nothing. What the language model costs is not known yet",
    );
  });

  test("rests on no run that failed", async () => {
    const store = await temporaryStore();
    for (const id of ["a", "b", "c"]) await insertRan(store, id, {}, "failed");
    expect(await estimateIn(store, onBatch(SPOT))).toMatchObject({
      rests_on: "assumptions",
      runs: 0,
    });
  });
});

describe("what a run will take, once some have been completed", () => {
  test("is what one took, as widely as a job is assumed to vary, however long it had rested", async () => {
    const store = await temporaryStore();
    await insertRan(store, "r1", { iterations: 2 });
    const told = await estimateIn(store, onBatch(SPOT));
    // An iteration: 600 s of its job, 120 s of waiting, 30 s else.
    expect(told.minutes!.likely).toBeCloseTo((2 * 750) / 60, 6);
    expect(rounded(told.usd)).toEqual({ low: 0.04, likely: 0.12, high: 0.5 });
    expect(told).toMatchObject({ rests_on: "measured_runs", runs: 1 });
    expect(told.in_words).toContain("by the one completed run of its kind.");
  });

  test("is at today's price, by the seconds that were paid for", async () => {
    const store = await temporaryStore();
    await insertRan(store, "r1", { usage: { gpu_cost_usd: 77 } });
    const dear = await estimateIn(store, onBatch({ ...SPOT, usd_per_hour: 36 }));
    expect(dear.usd!.likely).toBeCloseTo(12, 9);
    expect(dear).toMatchObject({ rests_on: "measured_runs" });
  });

  test("rests on no run that had another machine or another model", async () => {
    const store = await temporaryStore();
    await insertRan(store, "r1");
    await insertRan(store, "r2", { jobs: [JOB, { offer: OTHER, seconds: 60 }] });
    await insertRan(store, "r3", { jobs: [{ offer: null, seconds: 1 }] });
    await insertRan(store, "r4", { model: "another" });
    expect(await estimateIn(store, onBatch(OTHER))).toMatchObject({ rests_on: "assumptions" });
    expect(await estimateIn(store, onBatch(SPOT))).toMatchObject({ runs: 1 });
    expect(await estimateIn(store, onBatch(SPOT, OTHER))).toMatchObject({ runs: 2 });
  });

  test("is told within what 5% to 95% of many took, by each once", async () => {
    const store = await temporaryStore();
    let reads = 0;
    const counted = { ...store, get: (id: string) => ((reads += 1), store.get(id)) };
    for (let index = 0; index < 21; index += 1)
      await insertRan(store, `r${index}`, {
        iterations: index < 11 ? 1 : 3,
        jobs: [{ offer: SPOT, seconds: 500 + 10 * index }],
      });
    const estimate = runEstimator({
      runs: counted,
      batch: onBatch(SPOT),
      config: { MAX_GPU_USD_PER_RUN: 100 },
      promptsPerRound: 1,
    });
    const asked = {
      config: run("asked", { control_job: "together" }).config,
      strategy: "synthetic_control",
    } as const;
    await estimate(asked);
    const told = await estimate(asked);
    expect(reads).toBe(21);
    expect(rounded(told.usd)).toEqual({
      low: +((510 / 3_600) * 0.36).toFixed(4),
      likely: +((600 / 3_600) * 0.36).toFixed(4),
      high: +(3 * (690 / 3_600) * 0.36).toFixed(4),
    });
    expect(told).toMatchObject({ runs: 21 });
    expect(told.in_words).toContain("by the last 21 completed runs of its kind.");
  });

  test("passes over runs whose records cannot be read, or are none of a run that ran", async () => {
    const store = await temporaryStore();
    for (const id of ["r1", "r2", "r3", "r4"])
      await insertRan(store, id, { jobs: [{ offer: SPOT, seconds: 600 }] });
    const damaged: typeof store = {
      ...store,
      async get(id) {
        if (id === "r2") throw new HaystackError("RECORD_UNREADABLE", "It cannot be read.");
        const record = await store.get(id);
        return id === "r3" && record !== undefined
          ? { ...record, snapshot: JSON.stringify({ context: { jobs: [null] } }) }
          : record;
      },
      async history(id) {
        if (id === "r4") throw new SyntaxError("Unexpected end of JSON input");
        return store.history(id);
      },
    };
    expect(await estimateIn(damaged, onBatch(SPOT))).toMatchObject({ runs: 1 });
  });

  test("counts attempts that were lost, as they are paid for", async () => {
    const store = await temporaryStore();
    await insertRan(store, "r1", { jobs: [{ ...JOB, lost: true }, JOB] });
    const told = await estimateIn(store, onBatch(SPOT));
    expect(told.usd!.likely).toBeCloseTo(2 * (1_200 / 3_600) * 0.36, 9);
  });

  test("has the starts of its own jobs where the others ran had two an iteration", async () => {
    const store = await temporaryStore();
    const jobs = [
      { offer: SPOT, seconds: 570, kind: "prediction" },
      { offer: SPOT, seconds: 570, kind: "control" },
    ] as const;
    await insertRan(store, "r1", { jobs, config: { control_job: "separate" } });
    const separate = await estimateIn(store, onBatch(SPOT), {
      config: { control_job: "separate" },
    });
    expect(separate.usd!.likely).toBeCloseTo(2 * (1_140 / 3_600) * 0.36, 9);
    expect(separate.minutes!.likely).toBeCloseTo((2 * 750) / 60, 6);
    const together = await estimateIn(store, onBatch(SPOT));
    expect(together.usd!.likely).toBeCloseTo(2 * (600 / 3_600) * 0.36, 9);
  });

  test("is not cheaper by what others had found: a prediction that is not made again says nothing", async () => {
    const store = await temporaryStore();
    await insertRan(store, "r1", { jobs: [{ offer: SPOT, seconds: 570 }], found: 1 });
    expect((await estimateIn(store, onBatch(SPOT))).usd!.likely).toBeCloseTo(0.12, 9);
    await insertRan(store, "r2", { jobs: [], found: 2 });
    expect(await estimateIn(store, onBatch(SPOT))).toMatchObject({ runs: 1 });
  });

  test("has as many iterations as runs with its threshold took, and no more than it may", async () => {
    const store = await temporaryStore();
    await insertRan(store, "r1", { iterations: 4 });
    await insertRan(store, "r2", { iterations: 1, config: { max_iterations: 1 } });
    await insertRan(store, "r3", { iterations: 1, config: { score_threshold: 2 } });
    const usd = async (config: Partial<RunConfig>) =>
      (await estimateIn(store, onBatch(SPOT), { config })).usd!;
    expect((await usd({})).likely / 0.06).toBeCloseTo(4, 6);
    expect((await usd({ max_iterations: 3 })).likely / 0.06).toBeCloseTo(3, 6);
    expect((await usd({ score_threshold: 2 })).likely / 0.06).toBeCloseTo(1, 6);
  });

  test("tells the time of the baseline and of a program of one's own, and the cost of the language model", async () => {
    const store = await temporaryStore();
    const jobs = [{ offer: null, seconds: 20 }];
    const seconds = { inferring: 25, other: 5, iterations: 1, jobs };
    await insertRan(store, "r1", { model: "delta-transfer", ...seconds });
    await insertRan(store, "r2", {
      model: "mine",
      ...seconds,
      usage: { llm_tokens: 1_000, llm_cost_usd: 0.3 },
    });
    const once = { config: { max_iterations: 1 } };
    const baseline = await estimateIn(store, BASELINE, once);
    expect(rounded(baseline.minutes)).toMatchObject({ likely: 0.5 });
    expect(baseline.in_words).toContain("likely to take less than 1 minute once it begins");
    const own = await estimateIn(store, OWN, { ...once, key: "k" });
    expect(own).toMatchObject({ usd: null, rests_on: "measured_runs", runs: 1 });
    expect(own.in_words).toContain("What it costs is not known");
    await insertRan(store, "r3", { usage: { llm_tokens: 1_000, llm_cost_usd: 0.4 } });
    const model = await estimateIn(store, onBatch(SPOT), { key: "k" });
    expect(model.language_model).toBe("included");
    expect(model.usd!.likely).toBeCloseTo(0.12 + 0.4, 9);
    expect(model.in_words).toContain("the language model included");
  });
});
