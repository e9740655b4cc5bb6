import { describe, expect, test } from "vitest";
import type { Ceilings } from "../../actors/ceilings.ts";
import { usageOf } from "../../actors/host/usage.ts";
import type { StepPorts } from "../../actors/ports.ts";
import { cancelJobs } from "../../actors/steps/cancel-jobs.ts";
import { submitJob } from "../../actors/steps/submit-job.ts";
import type { JobRecord } from "../../machines/run-types.ts";
import type { BatchService } from "../../services/batch/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { NO_CEILINGS } from "../support/ceilings.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { hurryingClock } from "../support/jobs-on-batch.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const OFFER = { machine: "m", provisioning: "SPOT", usd_per_hour: 2 } as const;
const MODEL = { name: "m", version: "1", is_baseline: false } as BatchService["model"];
/** Three hundred hours: at its limit a job costs 600 US dollars, and each here costs 2. */
const LIMIT = { job_deadline_seconds: 300 * 3_600 };
const MOST = 500;

/** A Batch whose jobs run until the test ends them. */
function scene(
  strategy: "query_as_control" | "synthetic_control",
  ceilings: Partial<Ceilings> = {},
) {
  const clock = hurryingClock(1_000);
  const begun: string[] = [];
  const ended = new Set<string>();
  const batch: Partial<BatchService> = {
    notFoundGraceMs: 0,
    offer: () => OFFER,
    async submit({ job_id }) {
      if (!begun.includes(job_id)) begun.push(job_id);
      return { job_id, state: "RUNNING" };
    },
    get: async (job_id) => (begun.includes(job_id) ? { job_id, state: "RUNNING" } : undefined),
    cancel: async () => undefined,
  };
  const checkJob = async ({ job }: { readonly job: JobRecord }) => {
    const now = clock.now();
    return ended.has(job.job_id)
      ? {
          verdict: "succeeded" as const,
          outputs: { [job.kind]: { path: `${job.job_id}.h5ad`, sha256: "0" } },
          run_seconds: 3_600,
        }
      : { verdict: "waiting" as const, now, check_at: now + 20_000 };
  };
  const host = async () => {
    const store = await temporaryStore();
    const ports = {
      batch,
      clock,
      reconcileMs: 20_000,
      runs: store,
      ceilings: { ...NO_CEILINGS, MAX_GPU_USD_PER_USER_MONTH: MOST, ...ceilings },
    } as unknown as StepPorts;
    const effects = {
      ...scriptedEffects({ now: () => clock.now(), strategy }),
      submitJob: submitJob(ports),
      cancelJobs: cancelJobs(ports),
      checkJob,
    };
    const hosted = await hostRuns(store, effects, {
      owner: "one",
      clock,
      usage: usageOf(MODEL),
      leaseMs: 1e9,
      passivateMs: 1e9,
      pollMs: 100_000,
    });
    const waiting = () =>
      hosted.transitions.filter(({ to, actor }) => to === "postponed" && actor.endsWith("Job"));
    return { ...hosted, store, waiting };
  };
  return { begun, ended, host };
}

const hasEnded = ({ status }: RunDocument): boolean => status !== "pending" && status !== "running";

describe("jobs that are begun at the same moment count each other at their limit", () => {
  test.each<
    [string, "query_as_control" | "synthetic_control", RunDocument[], RegExp, Partial<Ceilings>?]
  >([
    [
      "two runs of a user, by what the user may spend in a month",
      "query_as_control",
      [run("r1", LIMIT), run("r2", LIMIT)],
      /^The job waits for others of its user: .* 500\.00 USD .*MAX_GPU_USD_PER_USER_MONTH/,
    ],
    [
      "two jobs of a run, by what the run may spend",
      "synthetic_control",
      [{ ...run("r1", { ...LIMIT, max_gpu_cost_usd: MOST }), user_email: null }],
      /^The job waits for another one of the run, .* 500\.00 USD/,
    ],
    [
      "two jobs of a run, by what the operator lets a run spend",
      "synthetic_control",
      [{ ...run("r1", { ...LIMIT, max_gpu_cost_usd: 10 * MOST }), user_email: null }],
      /^The job waits for another one of the run, .* 450\.00 USD/,
      { MAX_GPU_USD_PER_RUN: 450 },
    ],
  ])("%s: the second waits for the first", async (_, strategy, runs, words, ceilings = {}) => {
    const { begun, ended, host } = scene(strategy, ceilings);
    const { supervisor, store, committed, waiting } = await host();
    await Promise.all(runs.map((one) => supervisor.submit(one)));
    await expect.poll(() => waiting().length, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(begun).toHaveLength(1);
    const problems = await Promise.all(
      runs.map(async ({ run_id }) => (await store.get(run_id))?.snapshot ?? ""),
    );
    const said = problems.flatMap((snapshot) =>
      (JSON.parse(snapshot) as { context: { jobs: JobRecord[] } }).context.jobs.flatMap(
        ({ problem }) => problem ?? [],
      ),
    );
    expect(said).toEqual([expect.stringMatching(words)]);
    ended.add(begun[0]!);
    await expect.poll(() => begun.length, { timeout: 20_000 }).toBe(2);
    ended.add(begun[1]!);
    const documents = await Promise.all(runs.map(({ run_id }) => committed(run_id, hasEnded)));
    expect(documents.map(({ status, usage }) => [status, usage.gpu_reserved_usd])).toEqual(
      runs.map(() => ["completed", undefined]),
    );
    expect(documents.reduce((sum, { usage }) => sum + usage.gpu_cost_usd, 0)).toBe(4);
  });

  test("runs of different users do not", async () => {
    const { begun, host } = scene("query_as_control");
    const { supervisor, waiting } = await host();
    await supervisor.submit(run("r1", LIMIT));
    await supervisor.submit({ ...run("r2", LIMIT), user_email: "other@example.org" });
    await expect.poll(() => begun.length, { timeout: 20_000 }).toBe(2);
    expect(waiting()).toEqual([]);
  });
});
