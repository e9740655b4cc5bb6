import { expect, test } from "vitest";
import { createDispatch } from "../../actors/supervisor/dispatch.ts";
import { HaystackError } from "../../errors.ts";
import type { JobState, RunJobs } from "../../services/batch/index.ts";
import { cancelledRun, completedRun } from "../support/expected-runs.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { RunStore } from "../../services/runs/index.ts";

/** Run jobs that the test ends by hand, in place of Batch. */
function runJobs() {
  const jobs = new Map<string, JobState>();
  const submitted: string[] = [];
  let onSubmit: (jobId: string) => void = () => undefined;
  const port: RunJobs = {
    submit({ job_id }) {
      if (!jobs.has(job_id)) {
        jobs.set(job_id, "RUNNING");
        submitted.push(job_id);
      }
      onSubmit(job_id);
      return Promise.resolve(jobs.get(job_id) ?? "FAILED");
    },
    cancel: (jobId) =>
      Promise.resolve(void (jobs.get(jobId) === "RUNNING" && jobs.set(jobId, "CANCELLED"))),
    close: () => Promise.resolve(),
  };
  const asked = (jobId: string): Promise<void> =>
    new Promise((resolve) => {
      onSubmit = (id) => (id === jobId ? resolve() : undefined);
    });
  return { jobs, submitted, port, asked };
}

const dispatchOf = (
  store: RunStore,
  port: RunJobs,
  maxJobs = 5,
  onTrouble: (thrown: unknown) => void = () => undefined,
) =>
  createDispatch({
    runs: store,
    runJobs: port,
    clock: systemClock,
    watchMs: 50,
    maxJobs,
    onTrouble,
  });

test("an admitted run becomes a job; a lost job is replaced; a job under way is left alone", async () => {
  const store = await temporaryStore();
  const { jobs, submitted, port, asked } = runJobs();
  const effects = scriptedEffects({ now: () => Date.now() });
  await store.insert(run("r1"));
  const { supervisor } = await hostRuns(store, effects, { dispatch: dispatchOf(store, port) });
  await asked("hs-r1-run-1");
  await asked("hs-r1-run-1");
  expect(submitted).toEqual(["hs-r1-run-1"]);
  jobs.set("hs-r1-run-1", "FAILED");
  await asked("hs-r1-run-2");
  expect(submitted).toEqual(["hs-r1-run-1", "hs-r1-run-2"]);
  expect(effects.done).toEqual([]);
  expect(supervisor.hosted()).toEqual([]);
});

test("the job's process claims the run by name, and the daemon leaves it alone while its lease lasts", async () => {
  const store = await temporaryStore();
  const { submitted, port, asked } = runJobs();
  await store.insert(run("r1"));
  await hostRuns(store, scriptedEffects({ now: () => Date.now() }), {
    dispatch: dispatchOf(store, port),
  });
  await asked("hs-r1-run-1");
  const inJob = await hostRuns(store, scriptedEffects({ now: () => Date.now() }), {
    sweeps: false,
    owner: "job",
  });
  const settled = inJob.supervisor.settled("r1");
  await expect
    .poll(() =>
      inJob.supervisor.adopt("r1").then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  expect(await settled).toStrictEqual(completedRun(run("r1")));
  expect(submitted).toEqual(["hs-r1-run-1"]);
});

test("a dispatched run that is cancelled before its job begins is cancelled here, and its job too", async () => {
  const store = await temporaryStore();
  const { jobs, port, asked } = runJobs();
  await store.insert(run("r1"));
  const { supervisor, committed } = await hostRuns(
    store,
    scriptedEffects({ now: () => Date.now() }),
    { dispatch: dispatchOf(store, port) },
  );
  await asked("hs-r1-run-1");
  await supervisor.deliver("r1", { id: "c1", event: { type: "cancel.requested" } });
  expect(
    await committed(
      "r1",
      ({ status, current_phase }) => status === "cancelled" && current_phase === null,
    ),
  ).toStrictEqual(cancelledRun(run("r1")));
  expect(jobs.get("hs-r1-run-1")).toBe("CANCELLED");
});

test("after too many lost jobs the daemon hosts the run itself", async () => {
  const store = await temporaryStore();
  const { jobs, port, asked } = runJobs();
  await store.insert(run("r1"));
  const { committed } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }), {
    dispatch: dispatchOf(store, port, 1),
  });
  await asked("hs-r1-run-1");
  jobs.set("hs-r1-run-1", "FAILED");
  expect(await committed("r1", ({ status }) => status === "completed")).toStrictEqual(
    completedRun(run("r1")),
  );
});

test("a run whose job is refused is reported and asked for again, and holds up no other run", async () => {
  const store = await temporaryStore();
  const { submitted, port, asked } = runJobs();
  const refused: string[] = [];
  const picky: RunJobs = {
    ...port,
    submit(spec) {
      if (spec.run_id !== "bad") return port.submit(spec);
      refused.push(spec.job_id);
      return Promise.reject(
        new HaystackError("JOB_NOT_OURS", "The job belongs to something else."),
      );
    },
  };
  const troubles: unknown[] = [];
  for (const runId of ["bad", "good"]) await store.insert(run(runId));
  const { supervisor } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }), {
    dispatch: dispatchOf(store, picky, 5, (thrown) => troubles.push(thrown)),
  });
  await asked("hs-good-run-1");
  await asked("hs-good-run-1");
  await expect.poll(() => refused.length).toBeGreaterThan(1);
  expect(submitted).toEqual(["hs-good-run-1"]);
  expect(new Set(refused)).toEqual(new Set(["hs-bad-run-1"]));
  expect(troubles[0]).toMatchObject({ code: "JOB_NOT_OURS" });
  expect(supervisor.hosted()).toEqual([]);
});

test("while Batch does not answer it is asked for one run, and not for each in turn", async () => {
  const store = await temporaryStore();
  const { port } = runJobs();
  const asked: string[] = [];
  let now = 1_000;
  let away = true;
  const runJobsAway: RunJobs = {
    ...port,
    submit(spec) {
      asked.push(spec.run_id);
      return away
        ? Promise.reject(new HaystackError("BATCH_UNAVAILABLE", "Batch does not answer."))
        : port.submit(spec);
    },
  };
  const dispatch = createDispatch({
    runs: store,
    runJobs: runJobsAway,
    clock: { ...systemClock, now: () => now },
    watchMs: 50,
    maxJobs: 5,
    onTrouble: () => undefined,
  });
  const records = await Promise.all(
    ["r1", "r2", "r3"].map(async (runId) => {
      await store.insert(run(runId));
      return (await store.get(runId))!;
    }),
  );
  const due: unknown[] = [];
  for (const record of records) due.push(await dispatch(record));
  expect(asked).toEqual(["r1"]);
  expect(due).toEqual([1_050, 1_050, 1_050]);
  now = 1_050;
  away = false;
  expect(await dispatch(records[1]!)).toBe(1_100);
  expect(asked).toEqual(["r1", "r2"]);
});

test("a dispatched run with an event that waits for its job is asked for once a sweep, and holds up no other run", async () => {
  const store = await temporaryStore();
  const { submitted, port, asked } = runJobs();
  await store.insert(run("busy"));
  await hostRuns(store, scriptedEffects({ now: () => Date.now() }), {
    dispatch: dispatchOf(store, port),
  });
  await asked("hs-busy-run-1");
  await store.deliver("busy", {
    id: "e1",
    event: { type: "job.changed", job_id: "hs-busy-i1-p-a1", state: "RUNNING" },
  });
  await asked("hs-busy-run-1");
  await store.insert(run("other"));
  await asked("hs-other-run-1");
  expect(submitted).toEqual(["hs-busy-run-1", "hs-other-run-1"]);
  expect((await store.get("busy"))?.inbox).toHaveLength(1);
});

/** What the daemon, and a job that adopts the run and hands it over, each do of a run. */
async function handedOver(script: Parameters<typeof scriptedEffects>[0] = { now: Date.now }) {
  const store = await temporaryStore();
  const run_jobs = runJobs();
  const gpu = scriptedEffects({ jobState: "RUNNING", checkMs: 20, ...script });
  const here = scriptedEffects({ ...script, jobState: "RUNNING", checkMs: 20 });
  const jobsHere = here.jobs;
  await store.insert(run("r1"));
  const daemon = await hostRuns(store, { ...here }, { dispatch: dispatchOf(store, run_jobs.port) });
  /** A job of the run, up to where it waits for GPU jobs, or to its end. */
  const job = async (number: number) => {
    await run_jobs.asked(`hs-r1-run-${number}`);
    const hosting = await hostRuns(store, gpu, { sweeps: false, owner: `job-${number}` });
    await expect
      .poll(() =>
        hosting.supervisor.adopt("r1").then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    return hosting;
  };
  return { store, ...run_jobs, gpu, here, jobsHere, daemon, job };
}

test("a run that waits for its GPU jobs is handed over, watched by the daemon, and given a new job", async () => {
  const parts = await handedOver();
  const { store, jobs, submitted, gpu, here, daemon } = parts;
  const first = await parts.job(1);
  await first.committed("r1", ({ current_phase }) => current_phase === "inference");
  await expect
    .poll(() =>
      first.supervisor.passivate("r1").then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  const gpuJobs = [...gpu.jobs.keys()];
  for (const jobId of gpuJobs) here.jobs.set(jobId, "RUNNING");
  jobs.set("hs-r1-run-1", "SUCCEEDED");
  await expect.poll(() => daemon.supervisor.hosted()).toEqual(["r1"]);
  expect(submitted).toEqual(["hs-r1-run-1"]);

  for (const jobId of gpuJobs) {
    here.jobs.set(jobId, "SUCCEEDED");
    gpu.jobs.set(jobId, "SUCCEEDED");
  }
  const second = await parts.job(2);
  expect(await second.committed("r1", ({ status }) => status === "completed")).toMatchObject({
    current_iteration: 1,
  });
  expect(submitted).toEqual(["hs-r1-run-1", "hs-r1-run-2"]);
  expect(daemon.supervisor.hosted()).toEqual([]);
  // All work was done once, by jobs.
  expect(here.done).toEqual([]);
  expect([...gpu.done].filter((effect) => effect.startsWith("evaluate"))).toHaveLength(1);
  expect(await store.journalGet("r1", "dispatch.1.handed-over")).toBeDefined();
});

test("jobs that handed their run over do not count as lost", async () => {
  const store = await temporaryStore();
  const { jobs, port } = runJobs();
  await store.insert(run("r1"));
  const record = (await store.get("r1"))!;
  const dispatch = dispatchOf(store, port, 1);
  await dispatch(record);
  for (const number of [1, 2, 3]) {
    jobs.set(`hs-r1-run-${number}`, "SUCCEEDED");
    expect(await dispatch(record)).toEqual(expect.any(Number));
  }
  jobs.set("hs-r1-run-4", "FAILED");
  expect(await dispatch(record)).toBe("host");
});
