import { createActor, fromPromise } from "xstate";
import type { StepPorts } from "../actors/ports.ts";
import type { StepContext } from "../actors/host/step.ts";
import { cancelJobs } from "../actors/steps/cancel-jobs.ts";
import { checkJob } from "../actors/steps/check-job.ts";
import { submitJob } from "../actors/steps/submit-job.ts";
import { inferenceJobMachine } from "../machines/inference-job.ts";
import type { PreparedJob } from "../machines/pair-types.ts";
import { stopJobsMachine } from "../machines/stop-jobs.ts";
import type { JobRecord } from "../machines/run-types.ts";
import type {
  CancelJobsInput,
  CancelJobsOutput,
  CheckJobInput,
  CheckJobOutput,
  PrepareJobInput,
  SubmitJobInput,
  SubmitJobOutput,
} from "../machines/step-types.ts";
import { chooseOffer, moveAfter, type OfferRules } from "../services/batch/google/offers.ts";
import type { BatchService, JobOffer, JobStatus } from "../services/batch/index.ts";
import { manualClock } from "../services/clock/manual.ts";
import { NO_CEILINGS } from "../tests/support/ceilings.ts";

/**
 * Time and money of one inference job when machines are scarce: the real machine and steps, with
 * simulated time and a simulated market. `before`: Spot, then standard machines of one region.
 * Prices are examples.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const STEP_MS = 10_000;
const NOTHING_FOUND: PreparedJob = { found: {}, notes: {} };
/** Starting a machine, bringing image and model; then the prediction. */
const [START_MS, WORK_MS] = [6 * MINUTE, 10 * MINUTE];
const LONGEST_MS = 48 * HOUR;

const offer = (
  region: string,
  provisioning: JobOffer["provisioning"],
  usd_per_hour: number,
): Required<JobOffer> => ({ project: "p", region, machine: "l4", provisioning, usd_per_hour });

const RULES: Readonly<Record<"before" | "after", OfferRules>> = {
  before: {
    offers: [offer("us-central1", "SPOT", 0.35), offer("us-central1", "STANDARD", 0.85)],
    lossesPerOffer: 2,
    moveAfterMs: Number.POSITIVE_INFINITY,
  },
  after: {
    offers: [
      offer("us-central1", "SPOT", 0.35),
      offer("us-east4", "SPOT", 0.35),
      offer("us-central1", "FLEX_START", 0.6),
      offer("us-central1", "STANDARD", 0.85),
    ],
    lossesPerOffer: 2,
    moveAfterMs: 30 * MINUTE,
  },
};

/** How long a job of the offer waits for its machine, and after how long that is taken away. */
type Market = (of: JobOffer) => { readonly waitsMs: number; readonly preemptedMs?: number };

const isSpotOfCentral = ({ region, provisioning }: JobOffer): boolean =>
  region === "us-central1" && provisioning === "SPOT";

const MARKETS: Readonly<Record<string, Market>> = {
  calm: () => ({ waitsMs: MINUTE }),
  queueing_20_minutes: () => ({ waitsMs: 20 * MINUTE }),
  spot_stockout_in_one_region: (of) => ({ waitsMs: isSpotOfCentral(of) ? 12 * HOUR : MINUTE }),
  stockout_of_the_region: ({ region }) => ({
    waitsMs: region === "us-central1" ? 12 * HOUR : MINUTE,
  }),
  spot_stockout_everywhere: ({ provisioning }) => ({
    waitsMs: provisioning === "SPOT" ? 12 * HOUR : 15 * MINUTE,
  }),
  preemption_in_one_region: (of) => ({
    waitsMs: MINUTE,
    ...(isSpotOfCentral(of) ? { preemptedMs: START_MS + 5 * MINUTE } : {}),
  }),
};

function simulatedBatch(market: Market, rules: OfferRules, now: () => number) {
  const jobs = new Map<string, { readonly of: JobOffer; readonly at: number; stopped?: number }>();
  const statusOf = (job_id: string): JobStatus | undefined => {
    const job = jobs.get(job_id);
    if (job === undefined) return undefined;
    const { waitsMs, preemptedMs = Number.POSITIVE_INFINITY } = market(job.of);
    const machineAt = job.at + waitsMs;
    if (job.stopped !== undefined && job.stopped < machineAt)
      return { job_id, state: "CANCELLED", shortage: true, run_seconds: 0 };
    if (now() < machineAt)
      return { job_id, state: "SCHEDULED", held: { kind: "capacity", reason: "No machine." } };
    const endsAt = machineAt + Math.min(preemptedMs, START_MS + WORK_MS);
    if (now() < endsAt) return { job_id, state: "RUNNING", started_at: machineAt + START_MS };
    const run_seconds = (endsAt - machineAt) / 1_000;
    return preemptedMs < START_MS + WORK_MS
      ? {
          job_id,
          state: "FAILED",
          run_seconds,
          failure: { kind: "preempted", reason: "Google reclaimed it.", exit_code: 50_001 },
        }
      : { job_id, state: "SUCCEEDED", run_seconds };
  };
  const batch: Partial<BatchService> = {
    notFoundGraceMs: 5 * MINUTE,
    offer: (losses, moves = 0) => chooseOffer(rules, losses, moves) ?? null,
    moveAfterMs: (of) => moveAfter(rules, of),
    async submit({ job_id, offer: of }) {
      if (of !== undefined && !jobs.has(job_id)) jobs.set(job_id, { of, at: now() });
      return { job_id, state: "QUEUED" };
    },
    get: async (job_id) => statusOf(job_id),
    async cancel(job_id) {
      const job = jobs.get(job_id);
      if (job !== undefined) job.stopped ??= now();
    },
  };
  return { batch, statusOf };
}

async function simulated(market: Market, rules: OfferRules) {
  const clock = manualClock(0);
  const { batch, statusOf } = simulatedBatch(market, rules, () => clock.now());
  const journal = new Map<string, unknown>();
  const ports = {
    batch,
    clock,
    reconcileMs: STEP_MS,
    ceilings: NO_CEILINGS,
    runs: {
      get: async () => undefined,
      journalGet: async (_: string, key: string) => journal.get(key),
      async journalPut(_: string, key: string, value: unknown) {
        if (!journal.has(key)) journal.set(key, value);
        return journal.get(key);
      },
    },
    objects: { fetch: async ({ path }: { readonly path: string }) => path },
    compute: { run: async () => "0" },
  } as unknown as StepPorts;
  const context: StepContext = {
    signal: new AbortController().signal,
    quiesce: () => Promise.resolve(),
    resumed: false,
  };
  const attempts = new Map<string, JobRecord>();
  const actor = createActor(
    inferenceJobMachine.provide({
      actors: {
        prepareJob: fromPromise<PreparedJob, PrepareJobInput>(async () => NOTHING_FOUND),
        submitJob: fromPromise<SubmitJobOutput, SubmitJobInput>(({ input }) =>
          submitJob(ports)(input, context),
        ),
        checkJob: fromPromise<CheckJobOutput, CheckJobInput>(({ input }) =>
          checkJob(ports)(input, context),
        ),
        stopJobs: stopJobsMachine.provide({
          actors: {
            cancelJobs: fromPromise<CancelJobsOutput, CancelJobsInput>(({ input }) =>
              cancelJobs(ports)(input, context),
            ),
          },
        }),
      },
      actions: { reportToRun: () => undefined },
    }),
    {
      input: {
        run_id: "r1",
        iteration: 1,
        kind: "prediction",
        plan: { path: "plan.json", sha256: "0" },
        random_seed: 1,
        first_attempt: 1,
        limits: { application: 3, preempted: 6, transient: 10 },
        deadline_seconds: (6 * HOUR) / 1_000,
        max_gpu_cost_usd: null,
      },
    },
  );
  actor.subscribe(({ context: { job } }) => void attempts.set(job.job_id, job));
  actor.start();
  for (; clock.now() < LONGEST_MS; clock.advance(STEP_MS)) {
    const { status, context: at } = actor.getSnapshot();
    if (status !== "active") break;
    const seen = statusOf(at.job.job_id);
    const isNews =
      seen !== undefined &&
      (seen.state === "SUCCEEDED" ||
        seen.state === "FAILED" ||
        seen.state === "CANCELLED" ||
        (seen.held?.reason ?? null) !== (at.job.held?.reason ?? null));
    if (isNews) actor.send({ type: "job.changed", job_id: at.job.job_id, state: seen.state });
    actor.send({ type: "clock.ticked", now: clock.now() });
    await new Promise(setImmediate);
  }
  const jobs = [...attempts.values()];
  return {
    ended: actor.getSnapshot().value,
    hours: Math.round((clock.now() / HOUR) * 100) / 100,
    usd: Math.round(jobs.reduce((sum, { cost_usd }) => sum + cost_usd, 0) * 1_000) / 1_000,
    attempts: jobs.map(({ offer: of }) => `${of?.region} ${of?.provisioning}`),
  };
}

const figures: Record<string, unknown> = {};
for (const [name, market] of Object.entries(MARKETS))
  figures[name] = {
    before: await simulated(market, RULES.before),
    after: await simulated(market, RULES.after),
  };
console.log(JSON.stringify(figures, null, 2));
