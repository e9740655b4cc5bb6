import { inferencePairs } from "../../actors/inference-pairs.ts";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../machines/run-types.ts";
import type { RunHost } from "../../actors/host/run-host.ts";
import { createJobWatch, type JobWatchOptions } from "../../actors/supervisor/job-watch.ts";
import { HaystackError } from "../../errors.ts";
import type { JobHold, JobStatus } from "../../services/batch/index.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";
import { gate, googleHarness } from "../services/google-batch-harness.ts";
import { attended, run, temporaryStore } from "../support/hosted-runs.ts";
import { jobsOnBatch } from "../support/jobs-on-batch.ts";

const HOUR = 3_600_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

test("a job that waits six hours for its machine costs a handful of commits, and is seen to end at once", async () => {
  const google = await googleHarness({}, { tells: [] });
  const { server, putInputs } = google;
  const { port: batch, isIdle } = attended(google.batch);
  const machine = gate();
  server.scriptJobs({ hold: { QUEUED: machine.promise } });
  await putInputs(
    {
      job_id: "hs-r1-i1-p-a1",
      run_id: "r1",
      iteration: 1,
      kind: "prediction",
      attempt: 1,
      pairs: inferencePairs({ run_id: "r1", iteration: 1, kind: "prediction" }),
      manifest: "batch-io/r1/iter_1/prediction_manifest.json",
      seed: 1,
      max_run_seconds: 60,
    },
    {},
  );
  const store = await temporaryStore();
  const clock = manualClock(systemClock.now());
  /** What is waited for comes in the time of the machine, in which hardly any passes here. */
  const passing = async <Result>(awaited: Promise<Result>, msOfTurn: number): Promise<Result> => {
    let isThere = false;
    const there = (): void => void (isThere = true);
    void awaited.then(there, there);
    while (!isThere) {
      await new Promise(setImmediate);
      if (isIdle()) clock.advance(msOfTurn);
    }
    return awaited;
  };
  const { supervisor, committed } = await jobsOnBatch(store, batch, {
    clock,
    reconcileMs: MINUTE,
    supervisor: { pollMs: MINUTE },
  });
  await supervisor.submit(run("r1", { job_deadline_seconds: 86_400, max_iterations: 1 }));
  await passing(server.reached("hs-r1-i1-p-a1", "QUEUED"), 1);
  const reads = () => server.calls.filter(({ method }) => method === "getJob").length;
  const revision = async () => (await store.get("r1"))?.revision ?? 0;
  const { promise: sixHours, resolve } = Promise.withResolvers<void>();
  clock.after(6 * HOUR, resolve);
  await passing(sixHours, SECOND);
  expect(reads()).toBeGreaterThan(100);
  expect(await revision()).toBeLessThan(20);
  machine.open();
  await passing(
    committed("r1", ({ status }) => status === "completed"),
    1,
  );
});

const hold = (kind: JobHold["kind"], reason: string): JobHold => ({ kind, reason });

/** One run that waits for the jobs, and a Batch that says what the test has set. */
function watching(
  ids: readonly string[] = ["j1"],
  longestMs: JobWatchOptions["longestMs"] = { waiting: 0, running: 2 * MINUTE },
) {
  const clock = manualClock(0);
  const told: string[] = [];
  const record: Record<string, JobHold | null> = {};
  const said: Record<string, Partial<JobStatus> | undefined> = {};
  const batch: { fails?: HaystackError; reads: number } = { reads: 0 };
  for (const id of ids) said[id] = {};
  const host = {
    awaited: () =>
      ids.map((job_id) => ({ job_id, held: record[job_id] && { ...record[job_id], since: 0 } })),
    send(event: RunEvent) {
      if (event.type === "job.changed") told.push(`${event.job_id} ${event.state}`);
    },
  } as unknown as RunHost;
  const watch = createJobWatch({
    clock,
    hosts: () => [host],
    longestMs,
    jobs: {
      everyMs: 10 * SECOND,
      notFoundGraceMs: 5 * MINUTE,
      async get(job_id) {
        batch.reads += 1;
        if (batch.fails !== undefined) throw batch.fails;
        const status = said[job_id];
        return status === undefined ? undefined : { job_id, state: "QUEUED", ...status };
      },
    },
  });
  /** Looks every ten seconds; what was told meanwhile. */
  const lookFor = async (ms: number): Promise<string[]> => {
    for (const until = clock.now() + ms; clock.now() < until; clock.advance(10 * SECOND))
      await watch.look();
    return told.splice(0);
  };
  return { clock, watch, told, record, said, batch, lookFor };
}

describe("what is told of a job", () => {
  test("is nothing while it waits, begins and runs", async () => {
    const { said, lookFor, batch } = watching();
    for (const state of ["QUEUED", "SCHEDULED", "RUNNING", "CANCELLATION_IN_PROGRESS"] as const) {
      said["j1"] = { state };
      expect(await lookFor(10 * MINUTE)).toEqual([]);
    }
    expect(batch.reads).toBe(240);
  });

  test.each(["SUCCEEDED", "FAILED", "CANCELLED"] as const)(
    "is its end (%s) at once, and ever more rarely while nothing comes of it",
    async (state) => {
      const { said, lookFor } = watching();
      said["j1"] = { state };
      expect(await lookFor(10 * SECOND)).toEqual([`j1 ${state}`]);
      const later = await lookFor(6 * HOUR);
      expect(later.length).toBeGreaterThan(10);
      expect(later.length).toBeLessThan(40);
    },
  );

  test("is what keeps it from its machine, where the run does not have it, and that nothing does any more", async () => {
    const { said, record, lookFor } = watching();
    said["j1"] = { held: hold("quota", "No quota.") };
    expect(await lookFor(10 * SECOND)).toEqual(["j1 QUEUED"]);
    record["j1"] = hold("quota", "No quota.");
    expect(await lookFor(HOUR)).toEqual([]);
    said["j1"] = { state: "RUNNING" };
    expect(await lookFor(10 * SECOND)).toEqual(["j1 RUNNING"]);
    record["j1"] = null;
    expect(await lookFor(HOUR)).toEqual([]);
  });

  test("is words that change all the time ever more rarely", async () => {
    const { said, record, lookFor, clock } = watching();
    let times = 0;
    while (clock.now() < 6 * HOUR) {
      said["j1"] = { held: hold("capacity", `No machine at ${clock.now()}.`) };
      const news = await lookFor(10 * SECOND);
      times += news.length;
      if (news.length > 0) record["j1"] = said["j1"].held ?? null;
    }
    expect(times).toBeGreaterThan(10);
    expect(times).toBeLessThan(40);
  });

  test("is that Batch does not know it, once it should", async () => {
    const { said, lookFor } = watching();
    said["j1"] = undefined;
    expect(await lookFor(5 * MINUTE)).toEqual([]);
    expect(await lookFor(10 * SECOND)).toEqual(["j1 UNKNOWN"]);
  });
});

test("jobs that cannot be looked at are told of once and reported once; the next failure is another", async () => {
  const { watch, clock, told, batch } = watching(["j1", "j2"]);
  const down = new HaystackError("BATCH_UNAVAILABLE", "Google Batch cannot be reached.");
  batch.fails = down;
  await expect(watch.look()).rejects.toBe(down);
  expect(told.splice(0)).toEqual(["j1 UNKNOWN", "j2 UNKNOWN"]);
  clock.advance(10 * SECOND);
  await watch.look();
  delete batch.fails;
  clock.advance(10 * SECOND);
  await watch.look();
  told.splice(0);
  batch.fails = down;
  clock.advance(10 * SECOND);
  await expect(watch.look()).rejects.toBe(down);
  expect(told).toEqual(["j1 UNKNOWN", "j2 UNKNOWN"]);
});

test("a job that runs is looked at ever more rarely, and by a process for one run one that waits too", async () => {
  const readsOf = async (state: "QUEUED" | "RUNNING", longest: number): Promise<number> => {
    const { said, batch, lookFor } = watching(["j1"], { waiting: longest, running: 2 * MINUTE });
    said["j1"] = { state, ...(state === "RUNNING" ? { started_at: 0 } : {}) };
    await lookFor(6 * HOUR);
    return batch.reads;
  };
  expect(await readsOf("RUNNING", 0)).toBeLessThan(250);
  expect(await readsOf("QUEUED", 0)).toBe(2_160);
  expect(await readsOf("QUEUED", MINUTE)).toBeLessThan(400);
});

test.each(["together", "together in one region", "one by one"])(
  "a job that cannot be looked at keeps no other from being seen, where jobs are asked for %s",
  async (way) => {
    const told: string[] = [];
    const REFUSED = new HaystackError("BATCH_REFUSED", "The role is missing.");
    const isOneRegion = way === "together in one region";
    const region = (job_id: string): string =>
      job_id === "bad" || isOneRegion ? "us-east4" : "us-central1";
    const offer = { machine: "m", provisioning: "SPOT", usd_per_hour: 1, project: "p" } as const;
    const watch = createJobWatch({
      clock: manualClock(0),
      longestMs: { waiting: 0, running: MINUTE },
      hosts: () => [
        {
          awaited: () =>
            ["bad", "good"].map((job_id) => ({
              job_id,
              offer: { ...offer, region: region(job_id) },
            })),
          send(event: RunEvent) {
            if (event.type === "job.changed") told.push(`${event.job_id} ${event.state}`);
          },
        } as unknown as RunHost,
      ],
      jobs: {
        everyMs: 10 * SECOND,
        notFoundGraceMs: MINUTE,
        get: async (job_id) => seen(job_id),
        ...(way === "one by one"
          ? {}
          : {
              look: async (jobs: readonly { readonly job_id: string }[]) =>
                new Map<string, JobStatus | HaystackError>(
                  jobs.map(({ job_id }) => {
                    if (job_id === "bad" && isOneRegion) return [job_id, REFUSED];
                    return [job_id, seen(job_id)];
                  }),
                ),
            }),
      },
    });
    const seen = (job_id: string): JobStatus => {
      if (job_id === "bad") throw REFUSED;
      return { job_id, state: "SUCCEEDED" };
    };
    await expect(watch.look()).rejects.toMatchObject({ code: "BATCH_REFUSED" });
    expect(told).toEqual(["bad UNKNOWN", "good SUCCEEDED"]);
  },
);
