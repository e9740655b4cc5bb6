import { describe, expect, test } from "vitest";
import type { Ceilings } from "../../actors/ceilings.ts";
import { NO_CEILINGS } from "../support/ceilings.ts";
import { cancelJobs } from "../../actors/steps/cancel-jobs.ts";
import type { StepPorts } from "../../actors/ports.ts";
import { submitJob } from "../../actors/steps/submit-job.ts";
import { HaystackError } from "../../errors.ts";
import type { BatchService, JobState } from "../../services/batch/index.ts";
import type { CheckJobOutput } from "../../machines/step-types.ts";
import type { RunStore, TransitionEntry } from "../../services/runs/index.ts";
import { completedRun, failedRun, runningRun } from "../support/expected-runs.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { hurryingClock } from "../support/jobs-on-batch.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const JOB = "hs-r1-i1-p-a1";

const OFFER = { machine: "a2-highgpu-1g", provisioning: "SPOT", usd_per_hour: 2 } as const;
const SUCCESS: CheckJobOutput = {
  verdict: "succeeded",
  outputs: { prediction: { path: "predictions.h5ad", sha256: "0" } },
  run_seconds: 1,
};

interface Scene {
  /** What becomes of the answer to the first request, whose job begins. */
  readonly answer: "lost" | "never comes";
  /** Batch says so often that it does not know the job. */
  readonly unseen: number;
  /** What the operator allows. */
  readonly ceilings?: Partial<Ceilings>;
}

/** A Batch whose first request begins the job while the run's money is spent elsewhere. */
function scene({ answer, unseen, ceilings = {} }: Scene) {
  const clock = hurryingClock(1_000);
  const jobs = new Map<string, JobState>();
  const asked: string[] = [];
  let looks = 0;
  let spent = 0;
  const seen = (jobId: string): JobState | undefined =>
    looks >= unseen ? jobs.get(jobId) : undefined;
  const batch: Partial<BatchService> = {
    notFoundGraceMs: 30_000_000,
    offer: () => OFFER,
    async submit({ job_id }, signal) {
      if (jobs.has(job_id)) return { job_id, state: "RUNNING" };
      jobs.set(job_id, "RUNNING");
      spent = 2;
      if (answer === "never comes")
        await new Promise((_, reject) =>
          signal?.addEventListener("abort", () =>
            reject(new HaystackError("STEP_ABORTED", "given up")),
          ),
        );
      throw new HaystackError("BATCH_UNAVAILABLE", "The answer was lost.");
    },
    async get(job_id) {
      const state = seen(job_id);
      looks += 1;
      return state && { job_id, state };
    },
    async cancel(job_id) {
      asked.push(job_id);
      if (seen(job_id) !== undefined) jobs.set(job_id, "CANCELLED");
    },
  };
  const host = (store: RunStore, owner: string) => {
    const ports = {
      batch,
      clock,
      reconcileMs: 60_000,
      runs: store,
      ceilings: { ...NO_CEILINGS, ...ceilings },
    } as unknown as StepPorts;
    const effects = {
      ...scriptedEffects({ now: () => clock.now(), strategy: "query_as_control" }),
      submitJob: submitJob(ports),
      checkJob: async () => SUCCESS,
      cancelJobs: cancelJobs(ports),
    };
    const usage = () => ({ gpu_seconds: 0, gpu_cost_usd: spent, llm_tokens: 0, llm_cost_usd: 0 });
    return hostRuns(store, effects, {
      owner,
      clock,
      usage,
      leaseMs: 1e9,
      passivateMs: 1e9,
      pollMs: 100_000,
    });
  };
  return { jobs, asked, host, looks: () => looks, spend: () => void (spent = 2) };
}

describe("a run whose money for GPU jobs is spent", () => {
  const limited = run("r1", { max_gpu_cost_usd: 1 });
  const reaches = (state: string) => (_: unknown, entries: readonly TransitionEntry[]) =>
    entries.some(({ actor, to }) => actor === "predictionJob" && to === state);
  const RUNNING = runningRun(limited, "inference", { strategy: "query_as_control" });
  const SPENT = {
    ...failedRun(
      RUNNING,
      "GPU_BUDGET_SPENT",
      "The run has spent 2.00 of 1.00 USD on GPU jobs; raise max_gpu_cost_usd to go on.",
    ),
    usage: { ...RUNNING.usage, gpu_cost_usd: 2 },
  };

  test("begins no job, and has nothing to stop", async () => {
    const { jobs, asked, host, spend } = scene({ answer: "lost", unseen: 0 });
    spend();
    const { supervisor, committed } = await host(await temporaryStore(), "one");
    await supervisor.submit(limited);
    expect(await committed("r1", ({ status }) => status === "failed")).toStrictEqual(SPENT);
    expect([jobs.size, asked]).toEqual([0, []]);
  });

  test.each<[Partial<Ceilings>, number | null, string]>([
    [
      { MAX_GPU_USD_PER_RUN: 2 },
      null,
      "The run has spent 2.00 of 2.00 USD on GPU jobs; the operator allows no more (MAX_GPU_USD_PER_RUN).",
    ],
    [
      { MAX_GPU_USD_PER_RUN: 2 },
      50,
      "The run has spent 2.00 of 2.00 USD on GPU jobs; the operator allows no more (MAX_GPU_USD_PER_RUN).",
    ],
    [
      { MAX_GPU_USD_PER_USER_MONTH: 9 },
      null,
      "The runs that its user submitted in the month of this run have spent 9.50 of 9.00 USD on GPU jobs; the operator allows no more (MAX_GPU_USD_PER_USER_MONTH).",
    ],
  ])(
    "begins no job beyond what the operator allows (%o, %s asked for)",
    async (ceilings, asks, why) => {
      const { jobs, host, spend } = scene({ answer: "lost", unseen: 0, ceilings });
      spend();
      const store = await temporaryStore();
      const own = run("r1", { max_gpu_cost_usd: asks });
      const earlier = { ...run("r0"), status: "completed" as const };
      await store.insert({ ...earlier, usage: { ...earlier.usage, gpu_cost_usd: 7.5 } });
      await store.insert({
        ...earlier,
        run_id: "long-ago",
        created_at: "1969-01-01T00:00:00.000Z",
        usage: { ...earlier.usage, gpu_cost_usd: 1_000 },
      });
      const { supervisor, committed } = await host(store, "one");
      await supervisor.submit(own);
      const { error } = await committed("r1", ({ status }) => status === "failed");
      expect(error).toMatchObject({ code: "GPU_BUDGET_SPENT", message: why });
      expect(jobs.size).toBe(0);
    },
  );

  test("takes on a job that runs already, though the answer to its submission was lost: it is paid for", async () => {
    const { jobs, asked, host, looks } = scene({ answer: "lost", unseen: 0 });
    const { supervisor, committed } = await host(await temporaryStore(), "one");
    await supervisor.submit(limited);
    await committed("r1", reaches("postponed"));
    expect(
      await committed("r1", ({ status }) => status !== "pending" && status !== "running"),
    ).toStrictEqual(
      completedRun(limited, {
        strategy: "query_as_control",
        changes: { usage: { ...RUNNING.usage, gpu_cost_usd: 2 } },
      }),
    );
    expect([[...jobs], asked]).toEqual([[[JOB, "RUNNING"]], []]);
    // Only where the money is spent is Batch asked whether the job is there.
    expect(looks()).toBe(1);
  });

  test("stops a job whose submission got no answer and that appears only later", async () => {
    const { jobs, host } = scene({ answer: "lost", unseen: 3 });
    const { supervisor, committed } = await host(await temporaryStore(), "one");
    await supervisor.submit(limited);
    expect(await committed("r1", ({ status }) => status === "failed")).toStrictEqual(SPENT);
    expect([...jobs]).toEqual([[JOB, "CANCELLED"]]);
  });

  test("stops a job that an earlier host had begun to submit and that appears only later", async () => {
    const { jobs, host } = scene({ answer: "never comes", unseen: 3 });
    const store = await temporaryStore();
    const one = await host(store, "one");
    await one.supervisor.submit(limited);
    await expect.poll(() => jobs.size).toBe(1);
    await one.supervisor.deliver("r1", { id: "any", event: { type: "clock.ticked", now: 0 } });
    await one.committed("r1", ({ usage }) => usage.gpu_cost_usd === 2);
    await one.supervisor.stop();
    const two = await host(store, "two");
    expect(await two.committed("r1", ({ status }) => status === "failed")).toStrictEqual(SPENT);
    expect([...jobs]).toEqual([[JOB, "CANCELLED"]]);
  });
});
